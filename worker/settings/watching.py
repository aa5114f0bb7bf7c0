"""The settings of what operators see: figures, alerts and logs."""

from pathlib import Path
from typing import Literal

from worker.settings.setting import Subject, setting
from worker.settings.values import PAGE, ListenAddress, PageToken, PageUrl, SecretList


class WatchSettings(Subject):
    """Say what is watched, and who is alerted."""

    # Failures
    failure_degraded_rate: float = setting(
        0.25, "share of failed calls from which Cal.com counts as degraded", unit="share", zero="refused", gt=0, le=1
    )
    failure_critical_recent: int = setting(
        3, "failures in the last minute from which Cal.com counts as critical", unit="per minute", zero="refused", ge=1
    )

    # Watching
    retention_days: int = setting(
        90, "how long metrics, events and final bookings are kept", unit="days", zero="keep for ever", ge=0
    )
    audit_hour: int | None = setting(
        3,
        "the hour of the day (UTC) from which bookings are compared with Cal.com's list; empty: never",
        unit="hour",
        zero="midnight",
        ge=0,
        le=23,
    )
    metrics_address: ListenAddress | None = setting(
        None, "where Prometheus reads, without a login, such as 127.0.0.1:9464; not given: nowhere", unit="HOST:PORT"
    )
    alert_urls: SecretList = setting((), "where alerts go: Apprise URLs, separated by blanks", unit="URLs", repr=False)
    fleet_name: str | None = setting(
        None,
        "this fleet's name on its pages, such as production; not given: the database's host and name",
        pattern=r"^[^\x00-\x1f]{1,60}$",
    )
    page_url: PageUrl = setting(
        PAGE, "the Resilience page's address in alerts, such as https://flower.example.com/resilience", unit="URL"
    )
    page_token: PageToken | None = setting(
        None,
        "lets a browser of this machine act on a page without a login, once it has opened /resilience?token=...; not "
        "given: `booking up` makes one, and any other Flower needs a login",
        repr=False,
    )
    log_format: Literal["auto", "console", "json"] = setting("auto", "auto: readable on a terminal, JSON elsewhere")
    log_file: Path | None = setting(None, "a file that the log goes to instead of the terminal", unit="file")
