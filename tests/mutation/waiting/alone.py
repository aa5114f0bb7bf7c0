"""Who waits alone is seen by each question, whatever it is: each kind left out of one, and nobody asks for it."""

from functools import partial

from tests.mutation.breakage import Breakage

_ALONE = "tests/integration/line/test_who_waits_alone.py::test_who_waits_alone_goes_by_itself"
_asked = partial(Breakage, promise=4, file="db/queue/waits.py")
_reader = partial(Breakage, promise=4, file="tasks/guarded_calls/trials.py")

ALONE = (
    _asked(
        name="a-change-alone-wakes-no-refused-key",
        old="asked).one() for kind in KINDS]\n    return Waiting(",
        new="asked).one() for kind in KINDS[:1]]\n    return Waiting(",
        test=f"{_ALONE}[cancel-refused key, good again]",
    ),
    _asked(
        name="a-change-alone-is-never-the-first-to-try",
        old='    for kind in KINDS:\n        found = conn.execute(kind.statement("first_to_try")',
        new='    for kind in KINDS[:1]:\n        found = conn.execute(kind.statement("first_to_try")',
        test=f"{_ALONE}[cancel-page, over]",
    ),
    _asked(
        name="a-change-alone-ends-no-429-of-a-day",
        old="exists(_held(kind, reason, account)) for kind in KINDS)",
        new="exists(_held(kind, reason, account)) for kind in KINDS[:1])",
        test=f"{_ALONE}[cancel-429 of a day, over a minute later]",
    ),
    _reader(
        name="a-reader-alone-wakes-no-refused-key",
        old="return long or denied.reason in {Reason.CREDENTIALS, Reason.CONFIGURATION}",
        new="return long",
        test=f"{_ALONE}[reader-refused key, good again]",
    ),
    _reader(
        name="a-reader-alone-ends-no-429-of-a-day",
        old="return long or denied.reason in",
        new="return denied.reason in",
        test=f"{_ALONE}[reader-429 of a day, over a minute later]",
    ),
    _reader(
        name="a-reader-alone-is-no-probe",
        old="        if denied.waits_for_probe:",
        new="        if False:",
        test=f"{_ALONE}[reader-breaker, its OPEN over]",
    ),
)
"""A row of each kind, and a reader, of whom no row is kept."""
