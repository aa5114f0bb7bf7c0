"""The parts of a migration that are run before its `upgrade`, beside workers and callers."""

from typing import NamedTuple


class Added(NamedTuple):
    """A short ALTER TABLE, which may have been run before."""

    table: str
    actions: str

    @property
    def sql(self) -> str:
        """The statement."""
        return f"ALTER TABLE {self.table} {self.actions}"


class Check(NamedTuple):
    """A CHECK that was added NOT VALID, and is validated for the rows that were there before."""

    table: str
    name: str

    @property
    def sql(self) -> str:
        """The statement."""
        return f"ALTER TABLE {self.table} VALIDATE CONSTRAINT {self.name}"


class Index(NamedTuple):
    """An index: `what` are its columns, and which rows it has."""

    name: str
    table: str
    what: str
    unique: bool = False

    @property
    def sql(self) -> str:
        """The statement, for a transaction whose tables nobody else knows yet."""
        return self._sql("")

    @property
    def concurrent_sql(self) -> str:
        """The statement, for outside a transaction: it lets others write meanwhile."""
        return self._sql("CONCURRENTLY ")

    def _sql(self, how: str) -> str:
        return f"CREATE {'UNIQUE ' if self.unique else ''}INDEX {how}{self.name} ON {self.table} {self.what}"
