"""`booking serve`: bookings over HTTP, for callers that are not Python. An endpoint calls one function of `tasks`."""
