"""Where Sentinels are, and which master they are asked for; apart from the client, for what only reads settings.

The URL is Celery's, `sentinel://:PASSWORD@HOST:26379;sentinel://HOST2:26379/0`, and may end in `?master_name=NAME`
(else the name is `mymaster`); Celery itself takes that name only as an option. User, password and database are those of
the master; any one part of the URL may have them.
"""

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SCHEME, PORT, DEFAULT_MASTER = "sentinel", 26379, "mymaster"


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """The Sentinels' addresses, and the name of the master."""

    hosts: tuple[tuple[str, int], ...]
    master_name: str = DEFAULT_MASTER
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL.

        Raises:
            ValueError: the URL names no Sentinels; the message says why, without the value.
        """
        plain, _, query = url.partition("?")
        parts = [urlsplit(part) for part in plain.split(";") if part]
        options = dict(parse_qsl(query, keep_blank_values=True))
        if any(part.scheme != SCHEME or not part.hostname for part in parts):
            raise ValueError("names no host: write sentinel://HOST:26379;sentinel://HOST2:26379")
        if options.keys() - {"master_name"} or "" in options.values():
            raise ValueError("has an option after its ? that is not known: it may have master_name=NAME")
        databases = {part.path.strip("/") for part in parts} - {""}
        users = {(part.username or None, part.password) for part in parts} - {(None, None)}
        if len(databases) > 1 or len(users) > 1 or not all(name.isascii() and name.isdigit() for name in databases):
            raise ValueError("must name one database by its number, and one user: they are the master's")
        username, password = users.pop() if users else (None, None)
        return cls(
            tuple((part.hostname or "", part.port or PORT) for part in parts),
            options.get("master_name", DEFAULT_MASTER),
            username and unquote(username),
            password and unquote(password),
            int(databases.pop()) if databases else 0,
        )

    @property
    def kombu_url(self) -> str:
        """Return the URL for kombu, which reads each part alone: every part has user and database, and no option."""
        user = f"{quote(self.username or '', safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return ";".join(f"{SCHEME}://{user}{host}/{self.database}" for host in hosts)

    @property
    def url(self) -> str:
        """Return the whole URL, with the master's name."""
        return f"{self.kombu_url}?master_name={quote(self.master_name, safe='')}"
