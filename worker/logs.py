"""Logs: the standard library's, written by structlog, readable on a terminal, one JSON object a line elsewhere.

Personal data is kept out of log calls by design. The mask here is the second net, for what libraries say: it takes
known secrets, addresses and numbers out of every line, our own and foreign ones (Celery, urllib3), tracebacks included.
"""

import json
import logging
import logging.handlers
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

import structlog
from celery.app import log
from structlog.typing import EventDict, Processor, WrappedLogger

from booking_client import correlation
from booking_client.redaction import MASK, redact, scrub
from tasks.host.log import Logger, LogLine
from worker.settings.model import Settings, SettingsError
from worker.version import version

# They say on DEBUG, and urllib3's pool on WARNING too, what URL was called.
# A task's own line says more than Celery's "received" and "succeeded".
QUIET = dict.fromkeys(
    ("urllib3", "kombu", "amqp", "alembic", "celery.app.trace", "celery.worker.strategy"), logging.WARNING
)
TEXTS = ("event", "exception", "stack")  # these may have several lines
SHORTEST_PASSWORD = 12  # characters; a shorter one may be an ordinary word, and is masked inside URLs only
_NODE = re.compile(r"(\b(?:celery|bookings|maintenance)[\w-]*@[\w.-]+)")  # a worker's name, not an e-mail address


def configure(settings: Settings, *, level: int | str = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every log line of this process to LOG_FILE or `stream` (standard error). Any number of calls is one.

    Raises:
        SettingsError: LOG_FILE cannot be written.
    """
    handler = _handler(settings, stream or sys.stderr)
    handler.setFormatter(_formatter(settings, stream or sys.stderr))
    root = logging.getLogger()
    for old in list(root.handlers):
        # Also what basicConfig or Tornado put there, which would write unmasked lines beside ours.
        if isinstance(old, _Ours) or type(old) is logging.StreamHandler:
            root.removeHandler(old)
            old.close()
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.getLogger("celery.beat").addFilter(_not_each_tick)
    logging.captureWarnings(capture=True)


def _not_each_tick(record: logging.LogRecord) -> bool:
    """Drop what beat says four times a second."""
    return not str(record.msg).startswith("Scheduler: Sending due task")


class _Ours(logging.Handler):
    """Mark our handler, so that the next call of `configure` finds it."""


class _LogStream(logging.StreamHandler[TextIO], _Ours):
    pass


class _File(logging.handlers.WatchedFileHandler, _Ours):
    """Open the file again when logrotate has moved it."""


def _handler(settings: Settings, stream: TextIO) -> logging.Handler:
    if settings.log_file is None:
        return _LogStream(stream)
    try:
        return _File(settings.log_file, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise SettingsError(
            [f"LOG_FILE: cannot be written ({error.strerror}); name a file in a folder of yours"]
        ) from None


def _formatter(settings: Settings, stream: TextIO) -> logging.Formatter:
    terminal = settings.log_file is None and stream.isatty()
    readable = settings.log_format == "console" or (settings.log_format == "auto" and terminal)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)
        if readable
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    mask = Mask(settings)
    chain: list[Processor] = [
        with_fields,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_correlation_id,
    ]
    processors: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,  # without the local variables: they hold names and addresses
        mask,
        renderer,
    ]
    if readable:
        return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain, processors=processors)
    return _JsonFormatter(mask, foreign_pre_chain=chain, processors=processors)


class SafeLine(LogLine):
    """A line whose values are of closed sets, so that no mask has to look at them; one stands for each HTTP request."""


class _JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Write a line of our own in half of structlog's time, a SafeLine in a fifth."""

    def __init__(self, mask: "Mask", **chain: list[Processor]) -> None:
        super().__init__(**chain)  # type: ignore[arg-type]  # its names are given by `_formatter`
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line = record.msg
        if not isinstance(line, LogLine) or record.exc_info or record.stack_info:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        more = {"logger": record.name, "level": record.levelname.lower(), "timestamp": at}
        if isinstance(line, SafeLine):
            return json.dumps({"event": line.event, **line.fields, **more})
        event = add_correlation_id(None, "", {"event": line.event, **line.fields, **more})
        return json.dumps(self._mask(None, "", event), ensure_ascii=False)


def with_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take a line of our own apart: its event, and each field by its name."""
    line = event["_record"].msg
    return {**event, **line.fields, "event": line.event} if isinstance(line, LogLine) else event


class Logging(log.Logging):  # type: ignore[misc]  # Celery ships no types
    """Celery's `app.log` of our application: workers and beat log as `configure` says; Celery configures nothing."""

    def setup_logging_subsystem(self, *_given: Any, **_options: Any) -> bool:
        """Configure our logs, once a process; true: they are not Celery's."""
        if not self.already_setup:
            configure(Settings.load())
            Logger(__name__).info("log_begins", version=version())
            log.Logging._setup = True  # noqa: SLF001 - as Celery's own method does
        return True


def add_correlation_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the correlation id of the booking that this thread works on, if any."""
    current = correlation.current()
    if current is not None:
        event.setdefault("correlation_id", current)
    return event


class Mask:
    """Replace secrets and personal data in every value of a log line."""

    def __init__(self, settings: Settings) -> None:
        secrets = sorted(set(_secrets(settings)), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, secrets))) if secrets else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
        """Mask a record, as structlog's processor."""
        texts = {name: self.text(str(event.pop(name))) for name in TEXTS if name in event}
        return {"event": "", **texts, **redact(event, lambda value: scrub(self._unknown(value)))}

    def text(self, text: str) -> str:
        """Mask a text, line by line."""
        return "\n".join(self._line(line) for line in text.splitlines())

    def _line(self, line: str) -> str:
        parts = _NODE.split(self._unknown(line))  # a worker's name looks like an address, and says who writes
        return "".join(part if _NODE.fullmatch(part) else scrub(part) for part in parts)

    def _unknown(self, text: str) -> str:
        """Take our own secrets out: before scrub, which cuts long lines, for half a secret would not be known."""
        return self._known.sub(MASK, text) if self._known else text


def _secrets(settings: Settings) -> Iterator[str]:
    """List what must never be printed, as it is and as it stands in a URL."""
    yield from (one.get_secret_value() for one in (settings.calcom_api_key, settings.page_token) if one)
    urls = (settings.database_url, settings.database_direct_url, settings.redis_url, settings.celery_broker_url)
    for url in (part for several in urls if several for part in (several, *several.split(";"))):
        password = urlsplit(url).password
        if password and len(password) >= SHORTEST_PASSWORD:
            yield from (password, unquote(password))
    yield from (one.get_secret_value() for one in (*settings.alert_urls, *settings.account_encryption_keys))
