"""Guards of a bulk of requests, each taken away."""

from functools import partial

from tests.mutation.breakage import Breakage

_BULK = "tests/promises/asking/test_bulk.py::"
_enqueue = partial(Breakage, promise=1, file="tasks/enqueue.py")

BULK = (
    Breakage(
        name="bulk-all-or-nothing",
        promise=1,
        file="client/booking_client/asking.py",
        old="    first, size = 0, FIRST_PART\n",
        new="    first, size = 0, len(requests)\n",
        test=f"{_BULK}test_a_bulk_that_failed_half_way_says_what_is_kept",
    ),
    _enqueue(
        name="bulk-failed-as-if-none-were-kept",
        old="raise kept_in_part(error, first, len(requests)) if first else error from None",
        new="raise error from None",
        test=f"{_BULK}test_a_bulk_that_failed_half_way_says_what_is_kept",
    ),
    _enqueue(
        name="bulk-forgets-its-first-parts",
        old="answers += map(",
        new="answers[:] = map(",
        test=f"{_BULK}test_a_bulk_of_any_size_is_kept_and_answered_line_by_line",
    ),
)
