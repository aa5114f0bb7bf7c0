"""A wrong clock for one process: every module that has asked for the time of day gets it so many seconds off."""

import datetime as dt
import sys
import time
from typing import Any

# Those that write times into messages or compare them: ours and Celery's. Postgres and Redis have clocks of their own.
PACKAGES = ("celery", "kombu", "tasks", "resilience", "worker", "db", "booking_client")


class _Instances(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, dt.datetime)


def be_wrong_by(seconds: float) -> None:
    """Move this process's wall clock; what is imported later has the right one."""
    clock, moment = time.time, dt.datetime

    def wrong() -> float:
        return clock() + seconds

    class Wrong(moment, metaclass=_Instances):
        """Make real ones, so that their readers see nothing unusual."""

        def __new__(cls, *args: Any, **options: Any) -> Any:
            return moment(*args, **options)

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return moment.fromtimestamp(wrong(), tz)

        @classmethod
        def utcnow(cls) -> Any:
            return moment.fromtimestamp(wrong(), dt.UTC).replace(tzinfo=None)

    swapped: dict[Any, Any] = {clock: wrong, moment: Wrong}
    for name, module in list(sys.modules.items()):
        if module is not None and name.partition(".")[0] in PACKAGES:
            for attribute, value in list(vars(module).items()):
                if value is clock or value is moment:
                    setattr(module, attribute, swapped[value])
    time.time = wrong
