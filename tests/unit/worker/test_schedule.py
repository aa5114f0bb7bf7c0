"""What beat sends, some worker runs."""

from tasks.work.publish import CHANGE_TASK, TASK
from worker import app
from worker.celery_app import reconfigure
from worker.schedule import schedule


def test_every_task_of_the_schedule_is_known_to_a_worker() -> None:
    """A worker drops what it does not know, and nobody would hear of it."""
    app.loader.import_default_modules()

    sent = {entry["task"] for entry in schedule(3).values()}

    assert sent - set(app.tasks) == set()


def test_a_task_is_named_after_its_module() -> None:
    """A name in a log, in Flower or in a queue leads to the file; that of a change is the one of older versions."""
    app.loader.import_default_modules()

    tasks = {name: task for name, task in app.tasks.items() if name.startswith("tasks.")}
    assert len(tasks) > 10
    assert {name for name, task in tasks.items() if name != f"{task.run.__module__}.{task.run.__name__}"} == {
        CHANGE_TASK
    }


def test_no_task_but_the_bookings_tells_flower_of_itself() -> None:
    """Whatever its base class: Flower's list is of bookings and their changes (docs/page.md)."""
    app.loader.import_default_modules()

    assert {name for name, task in app.tasks.items() if task.send_events and not name.startswith("celery.")} == {
        TASK,
        CHANGE_TASK,
    }


def test_a_task_that_is_loaded_after_another_deployment_was_taken_up_is_known() -> None:
    """A module that is imported late, as that of a command."""
    _ = app.tasks  # as after the first message
    reconfigure()

    @app.task(name="tests.loaded_later")
    def loaded_later() -> None: ...

    assert app.tasks.pop("tests.loaded_later").app is app
