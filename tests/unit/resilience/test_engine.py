import pytest
from sqlalchemy import make_url

from db.engine import make_engine

SECRET = "s3cret/pass"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_the_url_is_taken(scheme: str) -> None:
    """Hosting services, libpq and SQLAlchemy each write it in their own way."""
    engine = make_engine(f"{scheme}://ann:pw@db.example.test:5433/bookings")

    assert engine.dialect.driver == "psycopg"
    assert (engine.url.host, engine.url.port, engine.url.database) == ("db.example.test", 5433, "bookings")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:pw@s3cret@db.example.test/bookings",  # an @ that was not escaped
        "postgresql://ann:pw@s3cret/x@db.example.test/bookings",
        "postgresql://ann:pw@x:s3cret@db.example.test/bookings",
        f"postgresql://ann:pw@db.example.test:{SECRET}/bookings",
        f"mysql://ann:{SECRET}@db.example.test/bookings",
        SECRET,
        "",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    """The message says what is expected; a password never reaches a log by way of it."""
    with pytest.raises(ValueError, match="postgresql://") as refused:
        make_engine(url)

    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_password_is_printed() -> None:
    """Neither the one in the URL nor one among its arguments."""
    engine = make_engine("postgresql://ann:s3cret@db.example.test/bookings?sslpassword=s3cret&sslmode=require")

    assert "s3cret" not in f"{engine} {engine!r} {engine.url} {engine.pool!r}"


def test_several_hosts_stay_in_the_url() -> None:
    """A primary and its standby: libpq tries one after the other."""
    engine = make_engine("postgresql://ann@/bookings?host=a.example.test:5432&host=b.example.test:5433")

    _, arguments = engine.dialect.create_connect_args(make_url(engine.url))
    assert arguments["host"] == "a.example.test,b.example.test"
