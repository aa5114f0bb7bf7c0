"""`booking status`: the verdict first, then the deployment's state, then what looks wrong.

With --account bookings are counted of that account alone; the verdict is the whole fleet's, which the account shares.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from db.accounts import Account
from db.connection import deadline
from resilience.circuit_breaker.types import Block
from tasks import dependencies
from tasks.overview.payload import payload
from tasks.overview.ranking.phrases import several
from tasks.overview.ranking.row import Level
from tasks.overview.reading import PATIENCE, Overview, read_overview
from tasks.overview.verdict import Verdict, verdict
from worker.cli.named import named_account
from worker.cli.session import ready
from worker.cli.status import answer
from worker.cli.status.deployment import NOTHING_KNOWN, DeploymentStatus, as_dict, facts, look
from worker.console import screen
from worker.console.broker import Broker
from worker.console.notes import listening
from worker.console.stop import Stop
from worker.settings.model import Settings

_ASK = "is it running, and is DATABASE_URL right? `booking check` says more"
_BUT = "Something looks wrong, see the lines with ! below: "
_OF_ALL = {"holds", "now", "unknown", "day", "front_door"}  # what the page counts of all accounts


def run(settings: Settings, asked: Future[Broker], *, account: str | None, json: bool) -> bool:
    """Show how everything stands; `asked` is the answer of the broker and the workers, once it is there.

    Return whether it is calm, and nothing looks wrong.

    Raises:
        Stop: No account has that name; or Postgres does not answer, or lacks our tables.
    """
    try:
        with deadline(PATIENCE):
            deps = ready()
    except SQLAlchemyError:
        return _without_postgres(json=json)
    own = None
    if account is not None:
        with deps.engine.connect() as conn:
            own = named_account(conn, account)
    seen = read_overview(deps)
    said = verdict(seen)
    shared, account_id = seen.redis.answers, None if own is None else own.id
    deployment = look(deps.engine, settings, asked.result(), shared=shared, account=account_id)
    ok = said.level is Level.CALM and not deployment.problems
    if json:
        screen.as_json(_as_json(as_dict(deployment) | payload(seen, said) | {"ok": ok}, account))
        return ok
    for line in _answer(seen, said, deployment):
        screen.say((line.plain, str(line.style)))
    door = answer.front_door(seen) if own is None else ()
    screen.say()
    block = Block.UNKNOWN if several(seen) else seen.shared.block  # it is what stops the line of `default` alone
    screen.facts([*_own(own), *facts(deployment, block), *answer.accounts(seen, account), *door])
    for problem in deployment.problems:
        screen.say(("! ", "bold yellow"), problem)
    return ok


def _as_json(shown: dict[str, Any], account: str | None) -> dict[str, Any]:
    """Return what is shown, without what is counted of all accounts where one is asked for."""
    if account is not None:
        own = [one for one in shown["accounts"] or () if one["name"] == account]
        shown = {name: value for name, value in shown.items() if name not in _OF_ALL} | {"accounts": own}
    return shown | {"account": account}


def _own(account: Account | None) -> Iterator[tuple[str, str]]:
    if account is not None:
        yield "bookings of", f"{account.name}, {account.state.value}"


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
