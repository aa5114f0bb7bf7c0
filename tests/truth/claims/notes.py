"""The notes above figures that are not of this moment, and beside the totals."""

from tests.truth.claims.checks import counted, done, is_slow
from tests.truth.claims.grammar import Pattern

NOTES = (
    Pattern(
        ("note",),
        r"These figures are of \d\d:\d\d:\d\d: (?:Postgres does not answer|Postgres is slow)\.",
        {},
        is_slow,
    ),
    Pattern(
        ("note",),
        r"(?:Postgres does not answer|Postgres is slow): how many are held is not known\.",
        {},
        done("dead Postgres", "slow Postgres"),
    ),
    Pattern(
        ("beside totals",),
        r"(?:(unknown:N) may be booked: each is looked up before it is posted again\. ?)?(?:Messages in the"
        r" queues: bookings (bookings:N), maintenance N\.)?",
        {
            "unknown": counted(lambda record: sum(row["outcome_unknown"] for row in record.rows.values())),
            "bookings": lambda part: part.lately.counted_there(lambda one: one.messages, part.number),
        },
    ),
    Pattern(
        ("note",),
        r"The charts are of \d\d:\d\d:\d\d; there are no newer figures now\.",
        {},
        lambda seen: is_slow(seen, 15),
    ),
    Pattern(
        ("note",),
        r"Breaker, failures and latency are those of (?:the Cal\.com of the settings|Cal\.com at [a-z0-9][a-z0-9.:/-]*)"
        r"; held and booked are of all accounts\.",
        {},
    ),
    Pattern(
        ("note",),
        r"The list cannot be read now; what is below is older\.",
        {},
        lambda seen: is_slow(seen, 15),
    ),
    Pattern(
        ("trouble",),
        r"Flower answers with an error: (?:Postgres does not answer|Postgres takes too long)\."
        r"(?: These figures are of \d\d:\d\d:\d\d\.)?(?: Asking again in \d+ s\.)?",
        {},
        lambda seen: is_slow(seen, 10),
    ),
    Pattern(("trouble",), r"No new reading\. These figures are of \d\d:\d\d:\d\d\.", {}),
)
