"""Say why each booking that is held as untellable may be: a product that holds everything is never wrong."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from tests.chaos.books import Line, References, Row
from tests.chaos.kinds import KIND_OF, KINDS

CANCEL = "a cancel was asked for"
SWITCHED = "its type was switched, or not to be read"
OTHERS = "others"  # what nothing but a look may end
WAITED = "it had waited too long"  # its answers were lost so often: who waits so long may have cancelled at Cal.com
MAX_AGE = 40.0  # HOLD_MAX_AGE of these runs, in seconds
FOR_GOOD = "500 for good"  # a host of all is busy, an address is blocked: no POST tells, until it has waited too long
RETRIES = 3  # RETRY_MAX_ATTEMPTS: so many second POSTs cost one each, those after them are one a hold
# What the second POST was refused with, where that says nothing of the first (docs/evidence.md, "What may end a
# booking": the cells that say held(blind_key)), by kinds as the simulator has them.
_ANY = frozenset({"maximum", "refused", "anothers"})
_UNTOLD = {
    "round_robin": _ANY,
    "round_robin+seats": _ANY,
    "seats": _ANY | {"limit", "bounds", "signed_up"},
    "confirm": _ANY | {"taken", "limit", "bounds"},
    "threshold": _ANY | {"taken", "limit", "bounds"},
    "collective+confirm": _ANY | {"taken", "limit", "bounds"},
    "round_robin+recurring": _ANY | {"taken", "limit", "bounds"},
}
_BY_SLOTS = ("plain", "collective")  # gone: ours or a stranger's, nobody can tell
# What a kind becomes where its type asks, or may ask, its host about free addresses.
_ASKED = {
    "plain": "confirm",
    "collective": "collective+confirm",
    "round_robin": OTHERS,
    "seats": OTHERS,
    "round_robin+seats": OTHERS,
    "round_robin+recurring": OTHERS,
}


@dataclass(frozen=True)
class Knowledge:
    """What a key can know, by kinds as the fire suite names them; `lists` says which live bookings it is shown.

    `sight`: the kinds of which it is shown every booking. `told`: those of which it is told whether hosts are asked
    about free addresses, `column` those where they are. `switched`: the types that are of another kind by now,
    or were not to be read for a while.
    """

    sight: frozenset[str]
    lists: Callable[[Line], bool]
    told: frozenset[str]
    column: frozenset[str] = frozenset()
    kind_known: bool = True
    switched: Collection[int] = ()

    def kind(self, name: str) -> str:
        """Return the simulator's kind that the key must take it for."""
        kind = str(KINDS[name].get("kind", "plain"))
        return kind if name in self.told - self.column else _ASKED.get(kind, kind)


@dataclass(frozen=True)
class Cell:
    """Why a row is held: in words, and whether its kind may be held for it."""

    words: str
    may: bool


def _untold(row: Row, kind: str) -> Cell:
    """Return why no evidence POST has told of a row whose kind has one."""
    if row.refusal is None and row.waited > MAX_AGE:
        return Cell(WAITED, may=True)
    if row.error_type == "http_500" and row.evidence_posts > RETRIES:
        return Cell(FOR_GOOD, may=True)
    refusal = row.refusal or {}
    meaning = str(refusal.get("meaning", "no refusal"))
    return Cell(meaning, may=bool(refusal.get("untold")) and meaning in _UNTOLD[kind])


def cell(row: Row, lines: Sequence[Line], known: Knowledge) -> Cell:
    """Return the cell of a row that is held as untellable."""
    name = KIND_OF[row.event_type_id]
    kind = known.kind(name)
    if any(line.ended is None and known.lists(line) for line in lines):
        return Cell("though it is listed", may=False)
    if row.event_type_id in known.switched:
        return Cell(SWITCHED, may=True)
    if name in known.sight:
        return Cell("though every booking is shown", may=False)
    if not known.kind_known:
        return Cell("the key may not read the type", may=True)
    if row.cancel_requested:
        return Cell(CANCEL, may=True)
    if kind in _UNTOLD:
        return _untold(row, kind)
    if kind in _BY_SLOTS:
        return Cell("the slot is gone", may=True)
    return Cell("at another host" if lines else "nowhere", may=True)


def judge(rows: Sequence[Row], made: References, known: Knowledge) -> tuple[Counter[str], Iterator[str]]:
    """Count the rows that are held as untellable by kind and cell, and find those that need not be."""
    told = [(row, cell(row, made.get(row.reference, ()), known)) for row in rows if row.hold_reason == "blind_key"]
    counts = Counter(f"{KIND_OF[row.event_type_id]}: {one.words}" for row, one in told)
    wrong = (f"booking {row.id}: held(blind_key), {one.words}" for row, one in told if not one.may)
    return counts, wrong
