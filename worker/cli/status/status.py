"""`booking status`: the verdict first, then the deployment's state, then what looks wrong."""

from collections.abc import Iterator

from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from db.connection import deadline
from tasks import dependencies
from tasks.overview.payload import payload
from tasks.overview.ranking.row import Level
from tasks.overview.reading import PATIENCE, Overview, read_overview
from tasks.overview.verdict import Verdict, verdict
from worker.cli.session import ready
from worker.cli.status import answer
from worker.cli.status import watch as watching
from worker.cli.status.deployment import NOTHING_KNOWN, DeploymentStatus, as_dict, facts, look
from worker.console import screen
from worker.console.notes import listening
from worker.console.stop import Stop
from worker.running import running
from worker.settings.model import Settings

_ASK = "is it running, and is DATABASE_URL right? `booking check` says more"
_BUT = "Something looks wrong, see the lines with ! below: "


def run(*, watch: bool, json: bool) -> bool:
    """Show how everything stands, with `watch` until Ctrl-C; return whether it is calm, and nothing looks wrong."""
    if watch:
        return watching.run(json=json)
    try:
        with deadline(PATIENCE):
            deps = ready()
    except SQLAlchemyError:
        return _without_postgres(json=json)
    seen = read_overview(deps)
    said = verdict(seen)
    deployment = look(deps.engine, running(Settings.load()), shared=seen.redis.answers)
    ok = said.level is Level.CALM and not deployment.problems
    if json:
        screen.as_json(as_dict(deployment) | payload(seen, said) | {"ok": ok})
        return ok
    for line in _answer(seen, said, deployment):
        screen.say((line.plain, str(line.style)))
    screen.say()
    screen.facts([*facts(deployment, seen.shared.block), *answer.accounts(seen)])
    for problem in deployment.problems:
        screen.say(("! ", "bold yellow"), problem)
    return ok


def _without_postgres(*, json: bool) -> bool:
    """Print that Postgres does not answer, or that it lacks our tables."""
    with listening(lambda _: None):  # the verdict's sentence has it
        seen = read_overview(dependencies.current())
    said = verdict(seen)
    if not json:
        raise Stop(*answer.error(seen, said), *(() if seen.lacks_tables else (_ASK,)))
    screen.as_json({**NOTHING_KNOWN, **payload(seen, said)})
    return False


def _answer(seen: Overview, said: Verdict, deployment: DeploymentStatus) -> Iterator[Text]:
    """Yield the verdict's lines, without "All is well" where something of the deployment looks wrong."""
    first, *others = answer.lines(seen, said)
    if said.level is Level.CALM and deployment.problems:
        first = Text(_BUT + first.plain.removeprefix(answer.WELL), style="bold yellow")
    yield from (first, *others)
