"""The revisions that are `0001_tables` now: no release had them, and a database may stand at one."""

LAST = "0031_callback_events"
"""What it has made is what `0001_tables` makes: such a database needs our id in its place, and no more."""
OLDER = (
    "0001_appointments", "0002_resilience", "0003_alerts", "0004_report", "0005_evidence", "0006_keys",
    "0007_overview", "0008_audits", "0009_metric_totals", "0010_line",
    "0001_initial", "0002_settled", "0003_in_line", "0004_at_least", "0005_actions", "0006_accounts", "0007_api_keys",
    "0008_breaker_accounts", "0009_changes", "0010_callbacks", "0011_lines", "0012_wishes", "0013_key_accounts",
    "0014_rescheduling", "0015_services", "0016_restored", "0017_weeks", "0018_front_door", "0019_moves_wait",
    "0020_late_looks", "0021_audited_where_it_is", "0022_one_queue", "0024_receivers", "0025_voice_secrets",
    "0026_own_bookings", "0028_causes", "0029_times",
)  # fmt: skip
COMMIT = "f56ae4b7e0d0d6b902f1aaf08fbc5cde2393168b"  # the last that has them


def too_old(at: str) -> str:
    """Say in one line what to run first for a database that stands at one of OLDER."""
    return f"the database is at {at}, from before 0.2.0: check out commit {COMMIT}, and run its `booking migrate` first"
