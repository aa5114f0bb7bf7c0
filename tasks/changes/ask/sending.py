"""Send what an answer has released; apart from what is asked, whose words are read by commands that send nothing."""

from db.lifecycle import Status
from tasks import dependencies
from tasks.changes.ask.ask import AskResult
from tasks.work.publish import send


def send_released(result: AskResult) -> AskResult:
    """Send the message of a released booking; return the result as it is."""
    if result.released is not None:
        send(dependencies.current(), [result.released], held=result.status is Status.HELD)
    return result
