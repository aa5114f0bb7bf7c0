"""What keeps one booking's trouble from the others, taken away, one by one: then the others wait for it."""

from tests.mutation.breakage import Breakage

_SWEEPS = "tests/integration/appointments/test_db_sweeps.py::TestLostLeases::"

COMPANY = (
    Breakage(
        name="killed-together-all-suspect",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="is_third AND NOT in_company AS is_suspect",
        new="is_third AS is_suspect",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
    Breakage(
        name="killed-together-only-in-one-sweep",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="ELSE leases_lost >= :suspect_at AND updated_at",
        new="ELSE false AND updated_at",
        test=f"{_SWEEPS}test_a_lease_of_the_same_worker_that_runs_out_later_is_company_too",
    ),
    Breakage(
        name="killers-never-alone",
        promise=4,
        file="db/sql/lost_leases.sql",
        old="row_number() OVER (PARTITION BY is_third ORDER BY id) % 2",
        new="0",
        test=f"{_SWEEPS}test_bookings_that_lose_their_third_lease_together_blame_their_worker",
    ),
)
