"""A list as a file."""

from worker.page.base import DataHandler


class Export(DataHandler):
    """The bookings of a list, as CSV or JSON."""

    def get(self, form: str) -> None:
        """Send them."""
        self.answer([form])
