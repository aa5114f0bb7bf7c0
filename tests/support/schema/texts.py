"""The columns that can hold a sentence, by the models: so that a new one is not passed over."""

from sqlalchemy import ARRAY, Column, Text
from sqlalchemy.dialects.postgresql import JSONB

from tests.support.schema.models import all_tables


def text_columns() -> set[str]:
    """Return each column of text, of several texts or of JSON, as `table.column`."""
    return {str(column) for table in all_tables().tables.values() for column in table.columns if _holds_text(column)}


def _holds_text(column: "Column[object]") -> bool:
    kind = getattr(column.type, "impl_instance", column.type)  # of an EnumText
    return isinstance(kind, Text | JSONB) or (isinstance(kind, ARRAY) and isinstance(kind.item_type, Text))
