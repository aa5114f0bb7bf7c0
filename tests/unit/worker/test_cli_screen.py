"""What the command line writes to a terminal."""

from worker.console.screen import plain


def test_what_callers_wrote_cannot_steer_the_terminal() -> None:
    """No escape sequence, no line that nobody wrote, no text that reads backwards."""
    assert plain("no\x1b[2J\nstatus  confirmed\u202e ok") == "no\ufffd[2J\ufffdstatus  confirmed\ufffd ok"
    assert plain("Zoë Ånström 予約") == "Zoë Ånström 予約"
