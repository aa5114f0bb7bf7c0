"""Let an agent have a call as it was dealt, and write down what it hears and when."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import psycopg
import requests

from tests.chaos.calls.deal import OTHER, START, WANTED, DealtCall, Form, Patience, Want
from tests.chaos.calls.house import ChaosHouse
from tests.chaos.calls.judge import BOOKING, About, Reply, claims_of
from tests.chaos.said.callers import now
from tests.chaos.said.words import Claim
from tests.support.api.agents import Ask, retell, retell_args_only, vapi
from tests.support.api.served import Caller
from tests.support.fleet import eventually

ANSWER_SECONDS = 60.0  # a net: who does not hang up waits
LOOK_SECONDS = 5
AT_LEISURE = Patience(20.0)
BROKEN_SECONDS = 1.0  # until an agent asks again whose connection broke
_FORMS: Mapping[Form, Ask] = {
    Form.RETELL: retell,
    Form.ARGS: retell_args_only,
    Form.NAMELESS: retell_args_only,
    Form.VAPI: vapi,
}
_STORED = f"""
    SELECT '{BOOKING}' FROM appointments WHERE attendee_email = %(email)s
    UNION SELECT c.kind FROM booking_changes AS c JOIN appointments AS a ON a.id = appointment_id
    WHERE attendee_email = %(email)s
"""  # noqa: S608 - a constant


@dataclass
class Calling:
    """One call by its agent, who holds a key of ours."""

    dealt: DealtCall
    house: ChaosHouse
    caller: Caller
    database_url: str
    replies: list[Reply] = field(default_factory=list)

    def run(self) -> None:
        """Have the call, until its agent hangs up."""
        start, changes = START, self.dealt.want in {Want.MOVE, Want.CANCEL}
        if self._each_time("book", start, struck=not self.dealt.at_change):
            start = OTHER
            self._each_time("book", start)
        if self.dealt.want is Want.MOVE:
            self._each_time("reschedule", start, struck=self.dealt.at_change)
        elif self.dealt.want is Want.CANCEL:
            self._each_time("cancel", start, struck=self.dealt.at_change)
        if changes or self.dealt.want is Want.ASK:
            self._ask("status", start)

    def last_word(self) -> None:
        """Ask once more, when nothing moves any more; who gives the call no name has to name the right start."""
        asked = list(self._last_words())
        self.replies += [*asked[:-1], replace(asked[-1], last=True)]

    def _last_words(self) -> Iterator[Reply]:
        nameless = self.dealt.form is Form.NAMELESS
        for start in (WANTED, OTHER, START) if nameless else (None,):
            asked: list[Reply] = []
            eventually(lambda asked=asked, start=start: self._is_told(asked, start), what="the last word is heard")
            yield from asked
            if Claim.UNKNOWN_BOOKING not in claims_of(self.dealt, asked[-1]):
                return

    def _is_told(self, asked: list[Reply], start: datetime | None) -> bool:
        """Ask, and return whether the answer says anything: a busy machine has to be asked again."""
        asked.append(self._asked("status", start, AT_LEISURE))
        return bool(claims_of(self.dealt, asked[-1]) - {Claim.NOTHING})

    def _each_time(self, tool: str, start: datetime, *, struck: bool = False) -> bool:
        """Ask, and ask again; return whether that time is taken."""
        if struck:
            with self.house.struck_by(self.dealt):
                taken = self._ask(tool, start)
        else:
            taken = self._ask(tool, start)
        for _ in range(self.dealt.again):
            taken = taken or self._ask(tool, start)
        return taken

    def _ask(self, tool: str, start: datetime) -> bool:
        if self.replies and self.replies[-1].said is not None:
            threading.Event().wait(self.dealt.pause)
        named = self.dealt.form is not Form.NAMELESS and tool != "book"
        self.replies.append(self._asked(tool, None if named else start, self.dealt.patience))
        return Claim.TAKEN in claims_of(self.dealt, self.replies[-1])

    def _asked(self, tool: str, start: datetime | None, patience: Patience) -> Reply:
        given: dict[str, Any] = {} if start is None else {"start": _written(start), "email": self.dealt.email}
        if tool == "book":
            given["name"] = "Pat Example"
        elif tool == "reschedule":
            given["new_start"] = _written(WANTED)
        api = self.house.apis[self.dealt.processes[len(self.replies) % len(self.dealt.processes)]]
        caller = replace(self.caller, api=replace(api, patience=patience.hangs_up or ANSWER_SECONDS))
        call = "" if self.dealt.form is Form.NAMELESS else f"call-{self.dealt.number}"
        more = {
            "type": str(self.dealt.event_type),
            "lang": self.dealt.language,
            "within": f"{patience.within:g}",
        }
        asked_at = now()
        said, about, wrong = None, None, None
        try:
            heard = _FORMS[self.dealt.form](caller, tool, given, call, **more)
            said, about = heard.say, About.of(heard.booking, heard.status, heard.start)
        except requests.Timeout:
            pass  # it has hung up
        except requests.RequestException:  # the process was killed, and another call may be answered by the other one
            threading.Event().wait(BROKEN_SECONDS)
        except (AssertionError, KeyError, ValueError) as error:  # not 200, or not what an agent reads
            wrong = repr(error)
        heard_at = now()
        return Reply(
            tool=tool,
            start=start,
            asked_at=asked_at,
            heard_at=heard_at,
            said=said,
            about=about,
            wrong=wrong,
            stored=None if said is None else self._stored(),
        )

    def _stored(self) -> frozenset[str] | None:
        """Return what is there of the call now; None: Postgres is the one that is hurt."""
        try:
            with psycopg.connect(self.database_url, connect_timeout=LOOK_SECONDS) as conn:
                return frozenset(kind for (kind,) in conn.execute(_STORED, {"email": self.dealt.email}))
        except psycopg.OperationalError:
            return None


def _written(start: datetime) -> str:
    return start.replace(tzinfo=None).isoformat()
