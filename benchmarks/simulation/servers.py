"""What serves one after the other: an interpreter, a database's cores, a Redis."""

import heapq


class Server:
    """Serve in turn, as many at once as there are places; what was promised is never moved."""

    def __init__(self, places: int) -> None:
        self._free_at = [0.0] * places
        self.busy = 0.0
        """Seconds of service that were asked for."""

    def serve(self, at: float, seconds: float) -> float:
        """Return when a service ends that is asked for at a moment, in the order of asking."""
        self.busy += seconds
        ends = max(at, self._free_at[0]) + seconds
        heapq.heapreplace(self._free_at, ends)
        return ends
