"""What beat sends, some worker runs."""

from worker import app
from worker.schedule import schedule


def test_every_task_of_the_schedule_is_known_to_a_worker() -> None:
    """A worker drops what it does not know, and nobody would hear of it."""
    app.loader.import_default_modules()

    sent = {entry["task"] for entry in schedule(60).values()}

    assert sent - set(app.tasks) == set()
