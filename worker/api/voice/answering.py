"""Answer what an agent asks, all within the time that its address gives: with the truth that is known by then."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from db.api_keys.keys import Scope
from resilience.exceptions import AppointmentException
from tasks.conversations.conversation import CALL_ID, Conversation
from tasks.conversations.times import NoSuchTimeError
from worker.api.calls import call_of
from worker.api.gate import Admitted, ApiServices, KeyRead, services_of
from worker.api.problems import ApiError
from worker.api.voice.address import VoiceAddress
from worker.api.voice.answers import Spoken
from worker.api.voice.arguments import Arguments, UnclearError
from worker.api.voice.sentences import Asked
from worker.api.voice.tools import TOOLS, Told, ToolUse, ask, not_stored

MOST_AT_ONCE = 8  # tools in one message
TO_ANSWER = 0.1  # seconds of an agent's time that the answer itself has
_UNAVAILABLE = (AppointmentException, SQLAlchemyError)
R = TypeVar("R")


class Asking(NamedTuple):
    """Hold one use of a tool as it came; `caller`: the number of who calls, where the platform sends it."""

    tool: str
    arguments: Mapping[str, Any]
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """Answer the tools of one request; `ends_at` is by the event loop's clock."""

    request: Request
    address: VoiceAddress
    agent: str
    ends_at: float

    @classmethod
    def of(cls, request: Request, agent: str) -> "Answering":
        """Begin, with the time of the address.

        Raises:
            ApiError: The address is wrong.
        """
        address = VoiceAddress.read(request)
        ends_at = asyncio.get_running_loop().time() + max(0.1, address.within - TO_ANSWER)
        return cls(request, address, agent, ends_at)

    @asynccontextmanager
    async def admitted(self, scope: Scope | None = Scope.VOICE) -> AsyncIterator[Admitted | None]:
        """Admit by the key of the header; None: Postgres does not answer.

        Raises:
            ApiError: There is no such key, or it lacks the scope.
        """
        admission = await self._in_time(services_of(self.request).gate.admit(self.request, scope))
        async with admission or nullcontext():
            yield admission

    async def named(self) -> KeyRead | None:
        """Return the key that the address names, for which nothing has been proven yet; None: Postgres does not answer.

        Raises:
            ApiError: There is no such key.
        """
        return await self._in_time(services_of(self.request).gate.named(self.request, self.address.handle))

    @asynccontextmanager
    async def admitted_for(self, proven: KeyRead | None) -> AsyncIterator[Admitted | None]:
        """Admit an agent that has proven by a secret that it may ask for a key; None stays None.

        Raises:
            ApiError: The key lacks the scope.
        """
        gate = services_of(self.request).gate
        admission = None if proven is None else gate.admit_proven(self.request, proven, Scope.VOICE)
        async with admission or nullcontext():
            yield admission

    async def _in_time(self, reading: Awaitable[R]) -> R | None:
        try:
            async with asyncio.timeout_at(self.ends_at):
                return await reading
        except (*_UNAVAILABLE, TimeoutError):
            return None
        except ApiError as error:
            if error.type == "not-kept":
                return None
            raise

    async def answers(self, admission: Admitted | None, call: object, asked: Sequence[Asking]) -> list[Spoken]:
        """Answer each, in their order: first all is stored, then all waits together for what may settle.

        Raises:
            ApiError: The key may not book this event type, or was revoked.
        """
        if admission is None:
            return [self.not_stored() for _ in asked]
        named = self.address.call or (call if isinstance(call, str) and CALL_ID.fullmatch(call) else None)
        kind = self.address.type_for(admission.key)
        conversation = Conversation(agent=self.agent, call=named, key=admission.key, event_type=kind)
        told = [await self._told(admission, conversation, one) for one in asked[:MOST_AT_ONCE]]
        told += [self._ask(Asked.ONE_AT_A_TIME) for _ in asked[MOST_AT_ONCE:]]
        with suppress(ApiError, TimeoutError):  # the rate is used up: a question has cost no work
            async with asyncio.timeout_at(self.ends_at):
                await admission.count()
        services = services_of(self.request)
        return list(await asyncio.gather(*[self._settled(services, one) for one in told]))

    def not_stored(self) -> Spoken:
        """Return the answer that nothing was stored."""
        return self._spoken(not_stored(self.address.language))

    async def _told(self, admission: Admitted, conversation: Conversation, asked: Asking) -> Told:
        tool = TOOLS.get(asked.tool)
        if tool is None or tool.scope not in admission.key.scopes:
            call = call_of(self.request.scope)
            call.why = "no tool has this name" if tool is None else f"the API key lacks the scope {tool.scope}"
            return self._ask(Asked.CANNOT)
        arguments = Arguments(asked.arguments, self.address.time_zone, self.address.language, asked.caller)
        try:
            async with asyncio.timeout_at(self.ends_at):
                return await tool.run(ToolUse(admission, conversation, arguments, self._left))
        except UnclearError as unclear:
            return ask(unclear.asked, self.address.language, **unclear.values)
        except NoSuchTimeError:
            return self._ask(Asked.NO_SUCH_TIME)
        except TimeoutError:  # the work goes on, and the same request again finds it
            return self._ask(Asked.STILL_AT_IT)
        except (*_UNAVAILABLE, ApiError) as error:
            if isinstance(error, ApiError) and error.type == "unauthorized":
                raise
            return not_stored(self.address.language)

    async def _settled(self, services: ApiServices, told: Told) -> Spoken:
        if told.change is not None:
            settled = await services.change_waiters.wait(told.change, self._left)
            told = Told(view=settled.view, change=replace(settled, again=told.change.again))
        elif told.view is not None and told.sentence is None:
            told = Told(view=await services.waiters.wait(told.view, self._left), again=told.again)
        return self._spoken(told)

    def _spoken(self, told: Told) -> Spoken:
        return Spoken(told.say(self.address.language), told.outcome, told.view)

    @property
    def _left(self) -> float:
        return self.ends_at - asyncio.get_running_loop().time()

    def _ask(self, asked: Asked) -> Told:
        return ask(asked, self.address.language)
