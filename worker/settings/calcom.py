"""The settings of Cal.com."""

from worker.settings.setting import Subject, setting
from worker.settings.values import ApiKey, BaseUrl, EncryptionKeys


class CalcomSettings(Subject):
    """Say how Cal.com is called."""

    calcom_base_url: BaseUrl = setting("https://api.cal.com", "Cal.com's API, without /v2", unit="URL")
    calcom_api_key: ApiKey | None = setting(
        None, "the API key; its owner must be able to see the bookings it makes", repr=False
    )
    account_encryption_keys: EncryptionKeys = setting(
        (),
        "encrypt further accounts' API keys and agents' secrets: Fernet keys, separated by blanks; the first encrypts",
        repr=False,
    )
    calcom_connect_timeout: float = setting(5.0, "for a connection to Cal.com", unit="s", zero="refused", gt=0, le=600)
    calcom_read_timeout: float = setting(
        30.0, "between two pieces of Cal.com's answer", unit="s", zero="refused", gt=0, le=600
    )
    calcom_deadline: float = setting(
        40.0,
        "for a whole call; a lease and a probe's permit last this plus a margin",
        unit="s",
        zero="refused",
        gt=0,
        le=600,
    )
    calcom_settle_seconds: float = setting(
        130.0, "how long an unanswered call may still turn into a booking", unit="s", zero="at once", ge=0, le=86400
    )
    calcom_settle_answered_seconds: float = setting(
        5.0, "the same when Cal.com answered with an error", unit="s", zero="at once", ge=0, le=86400
    )
    calcom_rate_limit_per_minute: int = setting(
        100,
        "calls that all workers together may send in any 60 s; what Cal.com's answers tell is kept in any case",
        unit="calls",
        zero="no limit of our own",
        ge=0,
    )
