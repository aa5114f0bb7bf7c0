"""TLS by URL: rediss:// and sslmode are honoured, and whom we talk to is checked unless the URL says not to."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import OperationalError as BrokerDown
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db.engine import make_engine
from db.lifecycle import Status
from resilience.shared_state.client import make_redis
from tests.support.fleet import Fleet, finals, request
from tests.support.tls_proxy import OURS, STRANGER, TlsProxy, tls_before
from worker import app, enqueue_bookings
from worker.cli.check import check
from worker.cli.check.result import CheckResult
from worker.console import broker
from worker.local import embedded
from worker.local.embedded.find import server_user
from worker.local.embedded.server import ServerLayout

DEBIAN = Path("/usr/lib/postgresql/15")
UNCHECKED = "ssl_cert_reqs=none&ssl_check_hostname=false"


@pytest.fixture
def redis_tls(redis_url: str) -> Iterator[TlsProxy]:
    """Put TLS before Valkey."""
    with tls_before(redis_url) as proxy:
        yield proxy


@pytest.fixture
def postgres_tls(database_url: str) -> Iterator[TlsProxy]:
    """Put TLS before PostgreSQL."""
    with tls_before(database_url) as proxy:
        yield proxy


@pytest.fixture
def checked(settings: Callable[..., dict[str, str]]) -> Callable[..., dict[str, CheckResult]]:
    """Run `booking check` with some settings changed."""

    def run(**changes: str) -> dict[str, CheckResult]:
        settings(**changes)
        return {finding.about: finding for finding in check.look()}

    return run


@pytest.mark.long
def test_bookings_go_their_whole_way_over_tls(
    fleet: Callable[..., Fleet],
    redis_url: str,
    database_url: str,
    redis_tls: TlsProxy,
    postgres_tls: TlsProxy,
) -> None:
    """Caller, worker, beat, breaker and sweeper, with both certificates checked; nobody has gone around them."""
    fleet(
        REDIS_URL=redis_tls.url(redis_url, "rediss", f"ssl_ca_certs={OURS}"),
        DATABASE_URL=postgres_tls.url(database_url, "postgresql", f"sslmode=verify-full&sslrootcert={OURS}"),
    ).start()

    ends = finals([receipt.appointment_id for receipt in enqueue_bookings([request(n) for n in range(5)])])

    assert {end.status for end in ends.values()} == {Status.CONFIRMED}
    assert min(redis_tls.secured, postgres_tls.secured) > 2


def test_check_says_that_all_is_well_over_tls(
    checked: Callable[..., dict[str, CheckResult]], redis_url: str, redis_tls: TlsProxy
) -> None:
    """The broker by kombu, Redis by redis-py: each reads the URL's options in its own way."""
    findings = checked(REDIS_URL=redis_tls.url(redis_url, "rediss", f"ssl_ca_certs={OURS}&ssl_cert_reqs=required"))

    assert [finding.about for finding in findings.values() if not finding.ok] == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "its certificate is refused: self-signed certificate"),
        (f"ssl_ca_certs={STRANGER}", "its certificate is refused: self-signed certificate"),
        ("ssl_ca_certs=/no/such/file", "no such file or directory"),
    ],
)
def test_check_says_why_a_redis_is_not_trusted(
    checked: Callable[..., dict[str, CheckResult]], redis_url: str, redis_tls: TlsProxy, query: str, why: str
) -> None:
    """By default already, where kombu's own default is to trust anybody."""
    findings = checked(REDIS_URL=redis_tls.url(redis_url, "rediss", query))

    assert {name for name, finding in findings.items() if not finding.ok} == {"broker", "Redis"}
    assert f"does not answer ({why})" in findings["broker"].said
    assert f"does not answer ({why})" in findings["Redis"].said


@pytest.mark.parametrize("query", ["ssl_cert_reqs=perhaps", "ssl_ca=misspelt"])
def test_an_option_that_nobody_knows_is_said_before_anything_starts(
    checked: Callable[..., dict[str, CheckResult]], redis_url: str, query: str
) -> None:
    """redis-py would say it at the first call, which is in the middle of a booking."""
    [finding] = checked(REDIS_URL=f"{redis_url}?{query}".replace("redis:", "rediss:")).values()

    assert (finding.ok, finding.said.partition(":")[0]) == (False, "REDIS_URL")
    assert "an option after its ? that is not known" in finding.said


def test_a_certificate_for_another_name_is_refused(redis_url: str) -> None:
    """Whichever authority signed it."""
    with tls_before(redis_url, STRANGER) as elsewhere:
        url = elsewhere.url(redis_url, "rediss", f"ssl_ca_certs={STRANGER}")
        said = {broker.ask(url, ()).error, broker.redis_error(url)}

    assert said == {"its certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'"}


def test_check_says_when_only_one_side_speaks_tls(redis_url: str, redis_tls: TlsProxy) -> None:
    """Neither hangs, and each is told from a server that is down."""
    plain_server = broker.ask(redis_url.replace("redis:", "rediss:"), ()).error
    plain_client = broker.redis_error(redis_tls.url(redis_url, "redis"))

    assert str(plain_server).endswith("; does it speak TLS?")
    assert str(plain_client).endswith("; does it want TLS, as in rediss://?")


@pytest.mark.parametrize("query", ["", f"ssl_ca_certs={STRANGER}"])
def test_the_breaker_sends_no_password_to_a_stranger(redis_url: str, redis_tls: TlsProxy, query: str) -> None:
    """Its client is redis-py's, which checks by default; the error holds no secret."""
    with make_redis(redis_tls.url(redis_url, "rediss", query), timeout=5, connect_timeout=5) as client:
        with pytest.raises(RedisConnectionError, match="certificate verify failed") as refused:
            client.ping()
        seen = f"{refused.value} {client!r}"

    assert redis_tls.secured == 0
    assert redis_url.split(":")[2].partition("@")[0] not in seen


def test_a_connection_that_kombu_copies_checks_too(
    redis_url: str, redis_tls: TlsProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """Celery's pools copy connections, and a copy no longer knows what the URL said; nor is a false alarm logged."""
    with (
        app.amqp.Connection(redis_tls.url(redis_url, "rediss")) as connection,
        connection.clone() as copy,
        pytest.raises(BrokerDown, match="certificate verify failed"),
    ):
        copy.ensure_connection(max_retries=0, timeout=1)

    assert (redis_tls.secured, caplog.text) == (0, "")


def test_who_means_it_may_check_nothing(redis_url: str, redis_tls: TlsProxy) -> None:
    """A hosted Redis whose certificate nobody signed; two options, so that it is no slip."""
    url = redis_tls.url(redis_url, "rediss", UNCHECKED)

    assert (broker.ask(url, ()).error, broker.redis_error(url)) == (None, None)


@pytest.mark.parametrize(
    ("certificate", "authority", "why"),
    [
        (STRANGER, OURS, "its certificate is refused: self-signed certificate"),
        (
            STRANGER,
            STRANGER,
            "its certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'",
        ),
    ],
)
def test_an_amqp_broker_is_who_it_says(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, certificate: Path, authority: Path, why: str
) -> None:
    """Signed by whom we trust, and for this host; it comes before the first word of AMQP, so any server will do."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with tls_before(redis_url, certificate) as elsewhere:
        asked = broker.ask(elsewhere.url(redis_url, "amqps"), ())

    assert (asked.error, elsewhere.secured) == (why, 0)


# -- PostgreSQL: libpq does the checking, and the URL must reach it ----------------------------------------------------


@pytest.mark.parametrize("query", ["", "sslmode=require", f"sslmode=verify-full&sslrootcert={OURS}"])
def test_postgres_is_spoken_to_over_tls(database_url: str, postgres_tls: TlsProxy, query: str) -> None:
    """As much as the URL asks for; libpq prefers TLS when it says nothing."""
    assert _one(postgres_tls.url(database_url, "postgresql", query)) == 1
    assert postgres_tls.secured == 1


@pytest.mark.parametrize(
    ("certificate", "query", "why"),
    [
        (OURS, f"sslmode=verify-full&sslrootcert={STRANGER}", "certificate verify failed"),
        (STRANGER, f"sslmode=verify-full&sslrootcert={STRANGER}", "does not match host name"),
        (OURS, "sslmode=verify-full&sslrootcert=/no/such/file", "/no/such/file"),
        (None, "sslmode=require", "server does not support SSL, but SSL was required"),
    ],
)
def test_check_says_why_a_postgres_is_not_trusted(
    checked: Callable[..., dict[str, CheckResult]],
    database_url: str,
    certificate: Path | None,
    query: str,
    why: str,
) -> None:
    """In libpq's own words, which name no password."""
    with tls_before(database_url, certificate or OURS) as proxy:
        url = proxy.url(database_url, "postgresql", query) if certificate else f"{database_url}?{query}"
        finding = checked(DATABASE_URL=url)["Postgres"]
        with pytest.raises(OperationalError, match=why):
            _one(url)

    assert (finding.ok, why in finding.said) == (False, True), finding.said
    assert database_url.split(":")[2].partition("@")[0] not in finding.said


@pytest.mark.debian_postgres
def test_a_postgres_that_speaks_tls_itself_is_trusted_and_says_so() -> None:
    """Debian's is built with TLS: no proxy of ours is between, and the login is bound to its certificate."""
    with embedded.Guard() as guard:
        folder = guard.folder()
        folder.chmod(0o711)  # as in test_migrations_debian.py
        server = SecurePostgres(guard, ServerLayout(folder, DEBIAN, server_user(), durable=False))
        server.prepare()
        server.start()

        asked = f"sslmode=verify-full&sslrootcert={OURS}&channel_binding=require"
        assert _one(f"{server.url}?{asked}", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True


class SecurePostgres(embedded.Postgres):
    """PostgreSQL with our certificate."""

    def argv(self, port: int) -> list[str]:
        """Switch TLS on."""
        key = self.layout.folder / "key.pem"
        key.write_bytes(OURS.read_bytes())
        key.chmod(0o600)
        if self.layout.user:
            os.chown(key, self.layout.user.uid, self.layout.user.gid)
        files = [f"ssl_{which}_file={key}" for which in ("cert", "key")]
        return [*super().argv(port), "-c", "ssl=on", "-c", files[0], "-c", files[1]]


def _one(url: str, question: str = "SELECT 1") -> Any:
    engine = make_engine(url)
    try:
        with engine.connect() as conn:
            return conn.execute(text(question)).scalar_one()
    finally:
        engine.dispose()
