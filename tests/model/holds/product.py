"""What the product does with those who wait, asked of the product: its own functions and statements, on real rows.

Each question is a savepoint: the rows are written, the product runs, the rows are read back, and all is undone. What
has been asked once is remembered. Only Cal.com, the breaker and the messages are dealt.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from sqlalchemy import Connection, func, select, update

from db import account_troubles, accounts
from db.account_troubles import AccountTrouble
from db.models.accounts import AccountState, calcom_accounts
from db.monitoring.operator_actions import ActionRequest
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.accounts.door import UNREADABLE, Door
from tasks.calcom.access import CREATE
from tasks.calcom.reply import ErrorType
from tasks.changes import claim as claimed
from tasks.changes.ask.ask import Ask, AskResult, Via
from tasks.changes.ask.change import change_in
from tasks.maintenance import recovery, release, turns
from tasks.operations.accounts.closing import NotClosedError, close
from tasks.operations.retry import retry_in
from tasks.together import Together
from tasks.work.claim import claim
from tests.model import product
from tests.model.changes import product as changes_product
from tests.model.holds.dealt import READS, SERVICE, Answers, Cipher, Client, DealtBooking, DealtBreaker, DealtChange
from tests.model.holds.record import WANTED_IN, Kept, Rows, keep, read
from tests.model.holds.state import DEFAULT, SALON, Cause, Marks, World
from tests.model.product import TIMINGS

NAME = "salon-7"


class Done(NamedTuple):
    """What the product has made of the rows, and of what the breaker knows."""

    rows: Rows
    marks: Marks
    result: Any = None


class _Engine:
    """One connection, as an engine: each transaction is a savepoint of it."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        yield self._conn

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self._conn.begin_nested():
            yield self._conn


class Product:
    """The product, on one connection; what is asked twice is answered from memory."""

    def __init__(self, conn: Connection, account: int) -> None:
        self._conn, self._account = conn, account
        self._answers: dict[Any, Any] = {}
        if account == SALON:
            key = {"base_url": Client.base_url, "encrypted_key": "sealed", "key_fingerprint": "key"}
            accounts.add(conn, {"id": SALON, "name": NAME, "service": SERVICE, "user_id": 1, **key})

    @contextmanager
    def dealt(self) -> Iterator[None]:
        """Have everything dealt that its functions ask of others, until the block ends."""
        with ExitStack() as stack:
            stack.enter_context(product.dealt())
            stack.enter_context(changes_product.dealt(retries=1))
            for sender in (claimed, release, turns):
                stack.enter_context(patch.object(sender, "send", lambda *_, **__: None))
            yield

    def _asked(self, question: Callable[..., Any], world: World, *of: Any) -> Any:
        """Return what a question is answered on the rows of a state; then all is as before."""
        known = world._replace(left=0, wishes=0, orders=0, wrong=None)
        if (question, known, of) not in self._answers:
            self._answers[question, known, of] = self._run(question, world, *of)
        return self._answers[question, known, of]

    def _run(self, question: Callable[..., Any], world: World, *of: Any) -> Any:
        undone = self._conn.begin_nested()
        try:
            kept = keep(self._conn, world.rows, self._account)
            if state := _state_of(world):
                gone = {"encrypted_key": None} if state is AccountState.CLOSED else {}
                own = update(calcom_accounts).where(calcom_accounts.c.id == self._account)
                self._conn.execute(own.values(state=state, **gone))
            breaker = DealtBreaker(world.marks)
            deps = self._deps(world, breaker)
            with patch.object(dependencies, "current", lambda: deps):
                result = question(self, world, deps, kept, *of)
            return Done(read(self._conn, kept), breaker.marks, result)
        finally:
            undone.rollback()

    def _deps(self, world: World, breaker: DealtBreaker) -> Any:
        """Return the dependencies of account 1, which give those of another one."""
        engine, client = _Engine(self._conn), Client(world)
        door: Any = Door(engine, client, Cipher(world))  # type: ignore[arg-type]
        own = SimpleNamespace(name=SERVICE)
        services = {"own": own, "known": lambda: [own], "of_booking": lambda _: SERVICE, "of_change": lambda _: SERVICE}

        def of(account: int) -> Any:
            deps = SimpleNamespace(
                claims=Together(), ends=Together(),
                engine=engine, autocommit=engine, calcom=client, breaker=breaker, timings=TIMINGS,
                caller=SimpleNamespace(id=account), services=SimpleNamespace(**services),
                callers=SimpleNamespace(is_alone=lambda: self._account == DEFAULT, of=lambda pace: pace),
                database_calls=SimpleNamespace(flush_if_due=lambda: None),
            )  # fmt: skip
            deps.at_service = lambda _: deps
            deps.for_claim = lambda number, *known: door.access(number, *known) and of(number)
            deps.for_account = lambda number: door.access_now(number) and of(number)
            return deps

        return of(DEFAULT)

    # -- what is asked ---------------------------------------------------------------------------------------------

    def work(self, world: World) -> Done:
        """Have a worker take what may be claimed; the result says whether it did."""
        done: Done = self._asked(Product._work, world)
        return done

    def _work(self, world: World, deps: Any, kept: Kept) -> bool:
        answers = Answers(world, deps.breaker)
        if (got := claim(deps, kept.booking)) is not None:
            move = product.attempted(DealtBooking(got, answers))
        elif kept.change and (got := claimed.claim_change(deps, kept.change)) is not None:
            move = changes_product.attempted(DealtChange(got, answers))
        else:
            return False
        assert move is not None
        got.write(move)
        return True

    def let_go(self, world: World) -> Done:
        """Have the release let go what may go."""
        done: Done = self._asked(Product._let_go, world)
        return done

    def _let_go(self, _world: World, _deps: Any, _kept: Kept) -> None:
        release.release_held.run()

    def ask_again(self, world: World) -> Done:
        """Have the recovery make the harmless call, if somebody waits for it."""
        done: Done = self._asked(Product._ask_again, world)
        return done

    def _ask_again(self, world: World, deps: Any, _kept: Kept) -> None:
        def is_well(_deps: Any) -> bool:
            marks, answer = deps.breaker.marks, READS.get(world.cause)
            if marks.state is State.OPEN:
                return False
            if answer is None:
                deps.breaker.marks = marks._replace(blocked=False, wrong=False, throttled=False)
            elif world.cause is Cause.NOWHERE:
                deps.breaker.marks = marks._replace(wrong=True)
            return answer is None

        with patch.object(recovery, "is_well", is_well):
            recovery.ask_again.run()

    def wish(self, world: World, *, move: bool) -> Done:
        """Have the caller ask for a cancel or a move of the booking; the result is what he is told."""
        done: Done = self._asked(Product._wish, world, move)
        return done

    def _wish(self, _world: World, _deps: Any, kept: Kept, move: bool) -> AskResult:  # noqa: FBT001 - see _asked
        now = self._conn.execute(select(func.now())).scalar_one()
        start = now.replace(microsecond=0) + WANTED_IN if move else None
        return change_in(self._conn, kept.booking, Ask.of_caller(Via.PYTHON, key="wish", start=start))

    def retry(self, world: World) -> Done:
        """Have an operator send again what is held, or has failed; the result is what he is told."""
        done: Done = self._asked(Product._retry, world)
        return done

    def _retry(self, _world: World, _deps: Any, kept: Kept) -> AskResult:
        return retry_in(self._conn, kept.booking, Ask("operator", Via.COMMAND_LINE, "tried again"))

    def close(self, world: World, *, yes: bool) -> Done:
        """Have an operator close the account; the result says whether it is closed."""
        done: Done = self._asked(Product._close, world, yes)
        return done

    def _close(self, _world: World, deps: Any, _kept: Kept, yes: bool) -> bool:  # noqa: FBT001 - see _asked
        try:
            close(deps, NAME, ActionRequest(who="ann", via="command line", action="close", why="a test"), yes=yes)
        except NotClosedError:
            return False
        return True

    def is_told(self, world: World) -> bool:
        """Say whether an incident names what is held of a closed account."""
        told: Done = self._asked(Product._is_told, world)
        return bool(told.result)

    def _is_told(self, _world: World, _deps: Any, kept: Kept) -> bool:
        of = {"lead": 0, "unreadable": UNREADABLE, "missing_type": ErrorType.NO_EVENT_TYPE.value, "create": CREATE}
        found = account_troubles.read(self._conn, SERVICE, **of).of(AccountTrouble.CLOSED)
        return any(kept.booking in one.bookings for one in found)


def _state_of(world: World) -> AccountState | None:
    if world.closed:
        return AccountState.CLOSED
    return AccountState.PAUSED if world.cause is Cause.PAUSE else None
