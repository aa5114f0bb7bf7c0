"""What Cal.com answers to a claim, and what the breaker knows: all that is dealt of what the product asks for."""

from types import SimpleNamespace
from typing import Any

from db.event_kind import EventKind
from resilience.circuit_breaker.types import Denied, Reason, Released, State
from tasks.accounts.keys import KeyUnreadableError
from tasks.calcom.access import CREATE
from tasks.calcom.changes.reply import ChangeAnswer
from tasks.calcom.reply import ReplyKind
from tasks.calcom.slots import Slot
from tasks.changes.evidence.case import Shown
from tasks.changes.lookup import ChangeLook
from tasks.changes.questions import OwnListed
from tasks.guarded_calls.calls import NotNow
from tests.model import product
from tests.model.changes import product as changes_product
from tests.model.changes.replies import Replied, replies
from tests.model.dealt import REPLIES, KnownType, event_type
from tests.model.holds.state import Cause, Marks, World
from tests.model.product import Answered

SERVICE = "calcom"
_PLAIN = KnownType(EventKind.OTHER, sight=True)
_DENIALS = (
    ("blocked", Reason.CREDENTIALS),
    ("wrong", Reason.CONFIGURATION),
    ("throttled", Reason.THROTTLED),
)
_POSTS = {Cause.KEY: "a refused key", Cause.PAGE: "a page", Cause.NOWHERE: "a page", Cause.HOURS: "429"}
READS = {Cause.KEY: "a refused key", Cause.NOWHERE: "a page", Cause.HOURS: "429"}
_MARKED = {
    "a refused key": {"blocked": True},
    "a page": {"paged": True},
    "429": {"throttled": True},
    "201": {"paged": False, "state": State.CLOSED},
}


class Client:
    """The client of an account; nothing is called with it."""

    base_url = "https://api.example.com"

    def __init__(self, world: World) -> None:
        self.key_fingerprint, self.settings_fingerprint = world.key, world.settings

    def with_key(self, _key: str) -> "Client":
        """Return the same: of keys there is one."""
        return self


class Cipher:
    """Decrypt the account's key, if a worker can."""

    def __init__(self, world: World) -> None:
        self.is_readable = world.cause is not Cause.UNREADABLE

    def decrypt(self, *_: Any, **__: Any) -> Any:
        """Return a key.

        Raises:
            KeyUnreadableError: No worker can decrypt it.
        """
        if not self.is_readable:
            raise KeyUnreadableError("no key of ACCOUNT_ENCRYPTION_KEYS decrypts it")
        return SimpleNamespace(get_secret_value=lambda: "key")


class DealtBreaker:
    """The breaker, by what it knows."""

    service = SERVICE

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.held_work, self.view = self, self

    def status(self, **_: Any) -> Any:
        """Return what the product reads of it."""
        marks, scope = self.marks, SimpleNamespace(state=self.marks.state)
        return SimpleNamespace(
            shared=True,
            blocked_keys=("key",) if marks.blocked else (),
            wrong_settings=("settings",) if marks.wrong else (),
            paged_settings=("settings",) if marks.paged else (),
            throttled_for=3600.0 if marks.throttled else 0.0,
            breaker=scope,
            endpoints={CREATE: scope},
            account_endpoints={},
        )

    def denial(self, world: World) -> Reason | None:
        """Return why no call may go; None: it may."""
        if self.marks.state is State.OPEN:
            return Reason.BREAKER_OPEN
        concerned = {"blocked": world.key == "key", "wrong": world.settings == "settings"}
        return next((why for mark, why in _DENIALS if getattr(self.marks, mark) and concerned.get(mark, True)), None)

    def count_releasable(self, *_: Any, **__: Any) -> Released:
        """Return whether one that is held may go."""
        return self.release(CREATE, ())

    def release(self, _endpoint: str, items: Any, **_: Any) -> Released:
        """Let the first of these go, if one may."""
        marks = self.marks
        room = 0 if marks.blocked or marks.wrong or marks.throttled or marks.state is State.OPEN else 1
        items, state = tuple(items[:room]), self.marks.state
        left = room - len(items)
        return Released(items, left, None, None, state, State.CLOSED, places=left)

    def give_back(self, *_: Any, **__: Any) -> None:
        """Do nothing: no place is counted."""


class Answers:
    """Answer what an attempt asks by what the world does, and note what the breaker learns of it."""

    def __init__(self, world: World, breaker: DealtBreaker) -> None:
        self.world, self.breaker = world, breaker

    def denied(self) -> Denied | None:
        """Return the denial of a call; None: it may go."""
        reason = self.breaker.denial(self.world)
        return None if reason is None else Denied(reason, 1.0, self.breaker.marks.state, 0)

    def posted(self) -> str:
        """Return what the POST is answered."""
        told = _POSTS.get(self.world.cause, "201")
        self.breaker.marks = self.breaker.marks._replace(**_MARKED[told])
        return told


class DealtBooking(product.Dealt):
    """A claimed booking, and the calls made under it."""

    def __init__(self, claimed_row: Any, answers: Answers) -> None:
        self.claimed, self.row, self.told = claimed_row, claimed_row.row, answers
        self.no_access = claimed_row.no_access
        self.now, self.pause, self.allowed, self.called = 0.0, None, None, False
        self.clock = lambda: self.now

    def renew(self, **changes: Any) -> Any:
        """Renew the claim."""
        self.row = self.claimed.renew(**changes)
        return self.row

    def ask(self, what: str, of: object = None) -> Any:  # noqa: ARG002 - it is answered by the world
        """Answer by what the world does."""
        denied = self.told.denied()
        match what:
            case "permit":
                return None if denied is None else denied.reason
            case "post":
                return Answered(self.told.posted(), 0)
            case "look" | "list":
                return denied or READS.get(self.told.world.cause, "absent")
            case "known" | "type":
                return _PLAIN
            case "slots":
                return "offered"
            case "another":
                return True
            case "lately" | "shut" | "seated" | "before" | "was here":
                return None
        raise LookupError(f"the model does not deal {what}")


_FACTS = {"another": True, "shut": False, "others go": False, "full": False, "beside": None}
"""What is asked about a change, and is the same in each world."""


class DealtChange(changes_product.Dealt):
    """A claimed change, and the calls made under it."""

    def __init__(self, claimed_change: Any, answers: Answers) -> None:
        self.claimed, self.row, self.booking = claimed_change, claimed_change.row, claimed_change.booking
        self.no_access, self.backlog, self.told = claimed_change.no_access, None, answers
        self.clock = lambda: 0.0
        self.model = None

    def renew(self, **changes: Any) -> Any:
        """Renew the claim."""
        self.row = self.claimed.renew(**changes)
        return self.row

    def ask(self, what: str, of: object = None) -> Any:  # noqa: ARG002 - it is answered by the world
        """Answer by what the world does."""
        denied = self.told.denied()
        if denied is not None and what in ("look", "type", "listed"):
            raise NotNow(denied)
        match what:
            case "permit":
                return denied
            case "post":
                return self._replied(self.told.posted())
            case "look":
                read = READS.get(self.told.world.cause)
                there = ChangeLook(shown=Shown.ALIVE)
                return there if read is None else ChangeLook(shown=Shown.UNREADABLE, reply=REPLIES[read])
            case "listed":  # it is where it was, and no other one of ours
                return OwnListed(None, None, sight=True, asks_host=False)
            case "type":
                return event_type(_PLAIN)
            case "slots":
                return Slot.OFFERED
        if what in _FACTS:
            return _FACTS[what]
        raise LookupError(f"the model does not deal {what}")

    def _replied(self, told: str) -> Replied:
        is_move = self.row.wanted is not None
        status, answer = {
            "a refused key": (401, ChangeAnswer.CREDENTIALS),
            "a page": (404, ChangeAnswer.UNKNOWN),
            "429": (429, ChangeAnswer.THROTTLED),
            "201": (201 if is_move else 200, ChangeAnswer.MOVED if is_move else ChangeAnswer.CANCELLED),
        }[told]
        found = [one for one in replies(status, is_move=is_move, done=True) if one.reply.answer is answer]
        page = (one for one in found if one.reply.kind is ReplyKind.CONFIGURATION)
        return next(page) if told == "a page" else found[0]
