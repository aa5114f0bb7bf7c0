"""The JSON that the page asks for."""

from worker.page import sample
from worker.page.base import DataHandler


class OverviewData(DataHandler):
    """How everything stands, and the verdict."""

    def get(self) -> None:
        """Answer with the reading that all viewers share."""
        self.answer(sample.overview())


class ChartsData(DataHandler):
    """The last hour, day or week."""

    def get(self) -> None:
        """Answer with a column for each minute or more."""
        self.answer(sample.charts())


class BookingsData(DataHandler):
    """A list of bookings."""

    def get(self) -> None:
        """Answer with one page of it."""
        self.answer(sample.bookings())


class BookingData(DataHandler):
    """One booking."""

    def get(self, appointment_id: str) -> None:
        """Answer with its facts and its timeline."""
        self.answer(sample.booking(int(appointment_id)))


class SearchData(DataHandler):
    """Bookings that a person names."""

    def get(self) -> None:
        """Answer with those found."""
        self.answer({"rows": sample.bookings()["rows"][:1]})
