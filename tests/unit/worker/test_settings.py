"""The settings: what they are by default, what is refused, and that nothing secret is ever said."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from worker.settings import table
from worker.settings.model import Settings, SettingsError
from worker.settings.texts import text_of

SECRET = "s3cret-Passw0rd"
DESIGN = {
    "database_url": None,
    "redis_url": None,
    "celery_broker_url": None,
    "calcom_base_url": "https://api.cal.com",
    "calcom_api_key": None,
    "calcom_connect_timeout": 5,
    "calcom_read_timeout": 30,
    "calcom_deadline": 40,
    "calcom_settle_seconds": 130,
    "calcom_settle_answered_seconds": 5,
    "calcom_rate_limit_per_minute": 100,
    "circuit_breaker_threshold": 5,
    "circuit_breaker_window": 60,
    "circuit_breaker_half_open_timeout": 30,
    "circuit_breaker_open_max": 600,
    "retry_max_attempts": 3,
    "retry_delays": (1, 2, 4),
    "retry_jitter": 0.1,
    "hold_max_age": 900,
    "hold_lead": 0,
    "hold_release_max": 0,
    "failure_degraded_rate": 0.25,
    "failure_critical_recent": 3,
    "retention_days": 90,
    "metrics_address": None,
    "alert_urls": (),
    "fleet_name": None,
    "log_format": "auto",
    "log_file": None,
}


@pytest.fixture(autouse=True)
def _nothing_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every setting out of the environment, and work in a folder without .env."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def refusal(**given: Any) -> list[str]:
    """Return the problems that these values have."""
    with pytest.raises(SettingsError) as caught:
        Settings.load(**given)
    return caught.value.problems


@pytest.mark.parametrize("name", DESIGN)
def test_the_defaults_are_the_agreed_ones(name: str) -> None:
    """A change of a default is a change of behaviour for everybody who set nothing."""
    assert getattr(Settings.load(), name) == DESIGN[name]


def test_the_environment_stands_above_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator overrides .env for one command."""
    (tmp_path / ".env").write_text("HOLD_LEAD=10\nRETRY_DELAYS=1, 3\n")
    monkeypatch.setenv("HOLD_LEAD", "20")
    settings = Settings.load()
    assert settings.hold_lead == 20
    assert settings.retry_delays == (1, 3)


def test_an_empty_value_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compose file passes on `${CALCOM_API_KEY:-}` whether it is set or not."""
    monkeypatch.setenv("CALCOM_API_KEY", "")
    monkeypatch.setenv("HOLD_LEAD", "")
    assert Settings.load() == Settings.load(calcom_api_key=None, hold_lead=0)


def test_a_file_with_a_byte_order_mark_is_read_whole(tmp_path: Path) -> None:
    """Without care the first name of such a file is lost without a word."""
    (tmp_path / ".env").write_text("HOLD_LEAD=7\n", encoding="utf-8-sig")
    assert Settings.load().hold_lead == 7


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    """A clear line instead of a traceback of the decoder."""
    (tmp_path / ".env").write_bytes("LOG_FILE=Bücher\n".encode("latin-1"))
    assert refusal() == [".env: is not UTF-8; save it as UTF-8"]


@pytest.mark.parametrize("name", [row.name.lower() for row in table.rows() if row.zero == "refused"])
def test_zero_is_refused_where_the_table_says_so(name: str) -> None:
    """A time-out of nothing or a threshold of none is a mistake, never a wish."""
    (problem,) = refusal(**{name: 0})
    assert problem.startswith(f"{name.upper()}: should be greater than")
    assert "the default is" in problem


@pytest.mark.parametrize("name", [row.name.lower() for row in table.rows() if row.zero and row.zero != "refused"])
def test_zero_is_taken_where_the_table_gives_it_a_meaning(name: str) -> None:
    """What the table promises can be set."""
    zero = "0" if name == "retry_delays" else 0
    assert getattr(Settings.load(**{name: zero}), name) in (0, (0,))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("page_url", "https://flower.example.com", "must end with /resilience: it is the address of the page itself"),
        ("page_url", "flower.example.com/resilience", "must begin with https://, http://"),
        ("database_url", "mysql://db/x", "must begin with postgresql://, postgres://, postgresql+psycopg://"),
        ("database_url", "postgresql://db:port/x", "is not a URL: check the host and the port"),
        ("database_url", "postgresql:///x", "names no host: write postgresql://HOST/..."),
        (
            "database_url",
            "postgresql://u:p@ss@db/x",
            "the database URL cannot be read: expected postgresql://user:password@",
        ),
        (
            "database_url",
            "postgresql://db/x?prepare_threshold=often",
            "prepare_threshold in the database URL must be `none`",
        ),
        ("redis_url", "localhost:6379", "must begin with redis://, rediss://, unix://"),
        ("redis_url", "sentinel://a;redis://b", "names no host: write sentinel://HOST:26379;sentinel://HOST2:26379"),
        ("redis_url", "sentinel://a/0;sentinel://b/1", "must name one database by its number, and one user"),
        ("redis_url", "sentinel://a?master=x", "has an option after its ? that is not known: it may have master_name"),
        ("redis_url", "redis+cluster://a:1;redis+cluster://b:2", "a Redis Cluster cannot be Celery's broker"),
        ("redis_url", "redis+cluster://a?x=1", "has an option after its ? that is not known"),
        ("celery_broker_url", "redis+cluster://a", "a Redis Cluster cannot be Celery's broker"),
        ("celery_broker_url", "sqs://", "must begin with redis://, rediss://, sentinel://, redis+socket://, amqp://"),
        ("calcom_base_url", "api.cal.com", "must begin with https://, http://"),
        ("calcom_base_url", "https://api.cal.com/v2/", "must end before /v2: every call adds it"),
        ("calcom_base_url", "https://a:b@cal.example", "must not carry a user or a password"),
        ("calcom_base_url", "https://cal.example/?x=1", "must not carry a ? or a #"),
        ("calcom_api_key", "cal_x\nHost: evil", "has blanks, line breaks or letters that no key has"),
        ("calcom_deadline", 20, "is shorter than a time-out within it; set it to 30 s or more"),
        ("calcom_rate_limit_per_minute", 6, "below 7 an unclear answer is never settled"),
        ("calcom_read_timeout", "nan", "should be a finite number"),
        ("circuit_breaker_open_max", 20, "is shorter than CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT"),
        ("circuit_breaker_threshold", "five", "should be a valid integer"),
        ("retry_delays", ", ,", "is empty: write the seconds before each retry, such as 1,2,4"),
        ("retry_delays", "1,-2", "must be seconds from 0 to 3600"),
        ("retry_delays", "1,two", "should be a valid number"),
        ("retry_jitter", 1, "should be less than 1"),
        ("retry_transient_errors", "timeout,404", "404 is a refusal and never transient"),
        ("retry_transient_errors", "everything", "unknown transient error 'everything'"),
        ("metrics_address", "127.0.0.1", "must be HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464"),
        ("metrics_address", "9464", "must be HOST:PORT"),
        ("metrics_address", "::1:9464", "must be HOST:PORT"),
        ("metrics_address", "127.0.0.1:70000", "must be HOST:PORT"),
        ("metrics_address", "http://127.0.0.1:9464", "must be HOST:PORT"),
        ("log_format", "xml", "should be 'auto', 'console' or 'json'"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_way_out(name: str, value: object, why: str) -> None:
    """The operator reads the setting's name, what is wrong with it and what would be right."""
    (problem,) = refusal(**{name: value})
    assert problem.startswith(f"{name.upper()}: {why}")
    assert "\n" not in problem


def test_every_problem_is_said_at_once() -> None:
    """Nobody likes to repair one line, start again and read the next."""
    problems = refusal(hold_lead=-1, retry_jitter=2, log_format="xml")
    assert [problem.partition(":")[0] for problem in problems] == ["RETRY_JITTER", "HOLD_LEAD", "LOG_FORMAT"]


def test_secrets_are_in_no_text_about_the_settings() -> None:
    """Settings get printed in tracebacks and bug reports."""
    settings = Settings.load(
        database_url=f"postgresql://booking:{SECRET}@db.example/x",
        redis_url=f"redis://:{SECRET}@cache.example/0",
        celery_broker_url=f"amqp://u:{SECRET}@mq.example//",
        calcom_api_key=f"cal_{SECRET}",
        alert_urls=f"mailto://u:{SECRET}@example.com",
    )
    assert SECRET not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    "name", ["database_url", "redis_url", "celery_broker_url", "calcom_base_url", "calcom_api_key"]
)
def test_a_refused_secret_is_not_repeated(name: str) -> None:
    """The very value that is wrong is often a password in the wrong place."""
    with pytest.raises(SettingsError) as caught:
        Settings.load(**{name: f"postgres//{SECRET} @db"})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_name_that_does_not_exist_is_a_mistake_of_ours() -> None:
    """A slip in our own code must not set nothing in silence."""
    with pytest.raises(TypeError, match="hold_laed"):
        Settings.load(hold_laed=3)


def test_a_slip_of_the_pen_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting would be ignored, and its default used; other people's names are none of our business."""
    (tmp_path / ".env").write_text("RETRY_DELAY=1\nPOSTGRES_PASSWORD=x\n")
    monkeypatch.setenv("CIRCUIT_BREAKER_TRESHOLD", "3")
    assert Settings.misspelt() == [
        "CIRCUIT_BREAKER_TRESHOLD: is no setting; did you mean CIRCUIT_BREAKER_THRESHOLD?",
        "RETRY_DELAY: is no setting; did you mean RETRY_DELAYS?",
    ]


def test_celery_uses_redis_unless_it_has_a_broker_of_its_own() -> None:
    """One URL less to set."""
    assert Settings.load(redis_url="redis://one/0").broker_url == "redis://one/0"
    assert Settings.load(redis_url="redis://one/0", celery_broker_url="amqp://two").broker_url == "amqp://two"


def test_sentinels_are_given_once_and_kombu_reads_them() -> None:
    """Celery takes the master's name as an option; each part of its URL must have all, for it reads one at a time."""
    settings = Settings.load(redis_url="sentinel://:p%40s@one;sentinel://two:2/3?master_name=bookings")
    assert settings.broker_url == "sentinel://:p%40s@one:26379/3;sentinel://:p%40s@two:2/3"
    assert settings.redis_url == f"{settings.broker_url}?master_name=bookings"
    assert settings.broker_master_name == "bookings"
    assert Settings.load(**settings.model_dump()) == settings
    assert Settings.load(redis_url="redis://one", celery_broker_url="sentinel://two").broker_master_name == "mymaster"


@pytest.mark.parametrize(
    ("given", "fleet"),
    [
        ({"fleet_name": "production, Berlin"}, "production, Berlin"),
        ({}, "db.example.com/bookings"),
        ({"database_schema": "booking"}, "db.example.com/bookings.booking"),
        ({"database_url": f"postgresql://u:{SECRET}@127.0.0.1:5433"}, "127.0.0.1:5433/postgres"),
        ({"database_url": "postgresql://u@/bookings?host=/run/postgresql"}, "/run/postgresql/bookings"),
    ],
)
def test_a_fleet_has_a_name_and_never_a_secret(given: dict[str, str], fleet: str) -> None:
    """The database tells two fleets apart where nobody has named them."""
    url = f"postgresql://u:{SECRET}@db.example.com:5432/bookings"
    assert Settings.load(**{"database_url": url} | given).fleet == fleet


def test_the_pages_address_is_its_path_where_none_is_given() -> None:
    """An alert then has the path, to type behind Flower's own address."""
    assert Settings.load().page_url == "/resilience"
    given = "https://flower.example.com/below/resilience"
    assert Settings.load(page_url=f"{given}/").page_url == given


def test_a_cluster_is_taken_beside_another_broker() -> None:
    """The breaker lives in it, and messages elsewhere."""
    url = "redis+cluster://:p@a:1;redis+cluster://b:2"
    assert Settings.load(redis_url=url, celery_broker_url="amqp://x").redis_url == url


def test_a_child_process_gets_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `booking up` knows, its workers know: through the environment, which no other user can read."""
    settings = Settings.load(
        database_url="postgresql://u:p@db/x", calcom_api_key="cal_x", retry_delays="0.5,1", retry_jitter=0.25,
        alert_urls="json://a.example json://b.example", retry_transient_errors="429,503", booking_home="elsewhere",
    )  # fmt: skip
    for name, value in settings.environment().items():
        if name.lower() in Settings.model_fields:
            monkeypatch.setenv(name, value)
    assert Settings.load() == settings
    assert settings.alert_urls == (SecretStr("json://a.example"), SecretStr("json://b.example"))


def test_a_dump_loads_again() -> None:
    """Settings are completed by loading them again with the embedded servers' URLs."""
    settings = Settings.load(calcom_api_key="cal_x", retry_transient_errors="503", alert_urls="json://a.example")
    assert Settings.load(**settings.model_dump()) == settings


def test_the_documents_are_up_to_date() -> None:
    """When this fails: python -m worker.settings.table."""
    assert table.TABLE.read_text(encoding="utf-8") == table.table()
    assert table.EXAMPLE.read_text(encoding="utf-8") == table.example()
    assert table.CHART.read_text(encoding="utf-8") == table.chart()


def test_the_example_file_is_what_it_says(tmp_path: Path) -> None:
    """With every # removed it sets exactly the defaults."""
    lines = table.example().splitlines()
    (tmp_path / ".env").write_text("\n".join(line[1:] for line in lines if line[:2].strip("#").isupper()))
    assert Settings.load() == Settings.load(**{name: info.default for name, info in Settings.model_fields.items()})
    assert len((tmp_path / ".env").read_text().splitlines()) == len(Settings.model_fields)


def test_a_name_with_our_prefix_wins_over_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host uses DATABASE_URL, CELERY_BROKER_URL and LOG_FILE for itself, in its .env, too."""
    (tmp_path / ".env").write_text("BOOKING_DATABASE_URL=postgresql://ours/x\nLOG_FILE=host.log\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://host/x")
    monkeypatch.setenv("REDIS_URL", "redis://bare/0")
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    monkeypatch.setenv("BOOKING_CELERY_BROKER_URL", "")
    settings = Settings.load()

    assert (settings.database_url, settings.redis_url) == ("postgresql://ours/x", "redis://bare/0")
    assert settings.broker_url == "redis://bare/0", "there and empty: the bare name is not read"
    assert settings.log_file == Path("host.log"), "bare names stay"


def test_beside_our_redis_a_bare_broker_is_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who forgets to name our broker would send our messages to the host's, where they wait for ever."""
    monkeypatch.setenv("BOOKING_REDIS_URL", "redis://ours/0")
    monkeypatch.setenv("CELERY_BROKER_URL", "memory://")
    assert Settings.load().broker_url == "redis://ours/0"
    monkeypatch.setenv("BOOKING_CELERY_BROKER_URL", "amqp://ours")
    assert Settings.load().broker_url == "amqp://ours"


def test_every_setting_may_have_our_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later ones, too; BOOKING_HOME has it already."""
    for field, info in Settings.model_fields.items():
        monkeypatch.setenv(field.upper(), "no such value")
        name = field.upper() if field == "booking_home" else f"BOOKING_{field.upper()}"
        monkeypatch.setenv(name, "" if info.default is None else text_of(info.default))

    assert Settings.load() == Settings(audit_hour=3)


def test_an_empty_hour_with_our_prefix_means_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without it."""
    monkeypatch.setenv("AUDIT_HOUR", "5")
    assert Settings.load().audit_hour == 5
    monkeypatch.setenv("BOOKING_AUDIT_HOUR", "")
    assert Settings.load().audit_hour is None


def test_a_name_with_our_prefix_that_is_no_setting_is_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application about bookings has names like these."""
    monkeypatch.setenv("BOOKING_HOMES", "3")
    monkeypatch.setenv("BOOKING_LOG_FILES", "3")

    assert (Settings.misspelt(), Settings.load()) == ([], Settings())


def test_a_child_takes_no_other_settings_from_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the same .env, whose names with our prefix win over bare ones."""
    (tmp_path / ".env").write_text("BOOKING_HOLD_LEAD=5\nBOOKING_LOG_FILE=x.log\n")
    for name, value in Settings.load(hold_lead=7, log_file=None).environment().items():
        monkeypatch.setenv(name, value)

    assert (Settings.load().hold_lead, Settings.load().log_file) == (7, None)
