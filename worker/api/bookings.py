"""The resource `bookings`: ask for one or many, and read how they stand. An endpoint calls one function of `tasks`."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from booking_client import correlation
from booking_client.insertion import NotFirst
from booking_client.receipts import Answer, Conflict, IdempotencyConflict, NotFirstError, Receipt
from db.api_keys.keys import ApiKey, Scope
from db.appointments.views import BookingName, BookingView
from resilience.exceptions import AppointmentDatabaseException, CustomerValidationException
from tasks import dependencies
from tasks.callbacks.addresses import CallbackUrlError, named_url
from tasks.callers import views
from tasks.callers.requests import CallerRequest
from tasks.callers.sentences import not_accepted
from tasks.changes.ask import by_caller
from tasks.changes.ask.by_caller import ChangeOfCaller, SeenBooking
from tasks.enqueue import enqueue_bookings
from worker.api import parameters
from worker.api.answers import document, json_response, unless_known
from worker.api.bodies import MAX_BATCH, idempotency_key, json_object
from worker.api.calls import call_of
from worker.api.changes import change_document
from worker.api.gate import Admitted, services_of
from worker.api.problems import ApiError, account_closed, invalid, key_reused, not_first

T = TypeVar("T")
MOST_IN_BATCH = 1_000
_NO_TIME_HAS_PASSED = datetime.min.replace(tzinfo=UTC)
OF_THE_KEY = "account"  # of a request: the API key says it, and no body


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold a request that is stored, its key, and its booking once the time to wait is over; `known`: it was before."""

    key: ApiKey
    asked: CallerRequest
    view: BookingView
    known: bool


async def store(
    request: Request, read: Callable[[Request], Awaitable[Mapping[str, Any]]] = json_object, *, wait: float = 0.0
) -> Stored:
    """Store the one request that `read` makes of a body; `wait` where the address names none.

    Raises:
        ApiError: It was not stored; or perhaps (`perhaps-kept`).
    """
    services = services_of(request)
    async with await services.gate.admit(request, Scope.BOOK) as admission:
        key, seconds = admission.key, parameters.wait(request, wait)
        header, data = idempotency_key(request), await read(request)
        parsed = _parsed_or_late(data, key, header=header)
        if isinstance(parsed, _LateRequest):
            known = await admission.run_uncounted(partial(views.known_keys, key, [parsed.key]))
            asked = parsed.if_known(known)
        else:
            asked = parsed
        call = call_of(request.scope)
        call.correlation_id = asked.correlation_id or call.correlation_id
        admission.counted = True  # by `keep`
        try:
            receipt = await services.keeping.keep(asked, key, admission.require_key, call)
        except IdempotencyConflict:
            raise key_reused() from None
        except NotFirstError:
            raise not_first(asked) from None
        except CustomerValidationException:  # the request was checked before, so it is that alone
            raise account_closed() from None
        except (AppointmentDatabaseException, ApiError) as error:
            raise _with_sentence(error, asked.attendee.language) from None
    view = BookingView.of(receipt, asked, key.id)
    if seconds and view.is_worth_waiting:
        view = await services.waiters.wait(view, seconds)
    return Stored(key, asked, view, receipt.duplicate)


async def book(request: Request) -> Response:
    """Ask for one booking. Once it is answered with 2xx, the request is stored, and is not lost."""
    stored = await store(request)
    key, asked, view = stored.key, stored.asked, stored.view
    headers = {"Location": f"/v1/bookings/{view.id}"}
    if not stored.known:
        return json_response(document(view, key), 202, headers)
    try:
        [shown] = await services_of(request).threads.run(partial(_repeated, [(view, asked.start)], key))
    except ApiError:  # no thread was free: what is stored is never answered as not stored
        shown = document(view, key, again=True, asked=asked.start)
    return json_response(shown, 200, headers)


async def book_batch(request: Request) -> Response:
    """Ask for up to a thousand bookings at once; each has its own result, in the same order."""
    async with await services_of(request).gate.admit(request, Scope.BOOK) as admission:
        key, data = admission.key, await json_object(request, MAX_BATCH)
        listed = data.get("bookings")
        if not isinstance(listed, list) or len(data) > 1:
            raise invalid({"bookings": "must be a list, and the only member"})
        if not 0 < len(listed) <= MOST_IN_BATCH:
            raise invalid({"bookings": f"must have 1 to {MOST_IN_BATCH:,} entries"})
        parsed = await admission.run(_parsed_each, listed, key)  # a thousand take a thread a while
        good = [one for one in parsed if isinstance(one, CallerRequest)]
        try:
            kept = iter(await admission.run_uncounted(partial(_kept, good, key)) if good else [])
        except CustomerValidationException:  # the request was checked before, so it is that alone
            raise account_closed() from None
    results = [one.document if isinstance(one, ApiError) else next(kept) for one in parsed]
    return json_response({"results": results})


async def by_id(request: Request) -> Response:
    """Return how a booking stands, as soon as it is settled or held for long, at the latest after `wait` seconds."""
    services = services_of(request)
    async with await services.gate.admit(request, Scope.READ) as admission:
        key, seconds, named = admission.key, parameters.wait(request), parameters.booking(request)
        view, newest = found(await seen(request, admission, named))
    if seconds and view.is_worth_waiting:
        return await with_change(request, await services.waiters.wait(view, seconds), key)
    return _shown(request, view, key, newest)


async def seen(request: Request, admission: Admitted, named: BookingName) -> SeenBooking | None:
    """Return a booking and its newest change, read together with those of others; None: there is none to be seen."""
    admission.counted = True
    reading = services_of(request).reading
    return await reading.read(named, admission.key, admission.require_key, call_of(request.scope))


async def with_change(request: Request, view: BookingView, key: ApiKey) -> Response:
    """Answer with a booking and its newest change; 304 if the caller has just this answer."""
    return _shown(request, view, key, await services_of(request).threads.run(partial(by_caller.latest, view)))


def _shown(request: Request, view: BookingView, key: ApiKey, newest: ChangeOfCaller | None) -> Response:
    return unless_known(request, json_response(_document_with_change(view, key, newest)))


def _repeated(asked: Sequence[tuple[BookingView, datetime]], key: ApiKey) -> list[dict[str, Any]]:
    """Return the documents of bookings that were asked for again, each at a start, with their newest changes.

    While Postgres does not answer they have no changes: what is stored is never answered as not stored.
    """
    told = views.with_their_ends([view for view, _ in asked])
    try:
        newest = by_caller.latest_of(told)
    except AppointmentDatabaseException:
        return [document(view, key, again=True, asked=start) for view, (_, start) in zip(told, asked, strict=True)]
    return [
        _document_with_change(view, key, newest.get(view.id), again=True, asked=start)
        for view, (_, start) in zip(told, asked, strict=True)
    ]


def _document_with_change(
    view: BookingView, key: ApiKey, newest: ChangeOfCaller | None, *, again: bool = False, asked: datetime | None = None
) -> dict[str, Any]:
    """Return the document of a booking with its newest change; `again` and `asked` as in `document`.

    While the outcome of both is open, the sentence is the change's: nobody hears that a booking will be confirmed which
    is to be cancelled or moved.
    """
    if newest is None or newest.change is None:
        return {**document(view, key, again=again, asked=asked), "change": None}
    shown = {**document(newest.view, key, again=again, asked=asked), "change": change_document(newest)}
    if not (newest.change.over or newest.view.final):
        shown["say"] = shown["change"]["say"]
    return shown


def found(view: T | None) -> T:
    """Return a booking.

    Raises:
        ApiError: There is none.
    """
    if view is None:
        raise ApiError("no-such-booking")
    return view


def _parsed(data: Any, key: ApiKey, *, header: str | None = None, now: datetime | None = None) -> CallerRequest:
    """Return the request that `data` is, with the key of the header, if it has one; `now` as in `BookingRequest`.

    Raises:
        ApiError: It is none, or not one that this API key may make.
    """
    if isinstance(data, dict) and OF_THE_KEY in data:
        raise invalid({OF_THE_KEY: "belongs to the API key: leave it out"})
    try:
        asked = CallerRequest.parse(data, now=now)
    except CustomerValidationException as error:
        raise invalid(error.validation_errors) from None
    own: dict[str, Any] = {
        OF_THE_KEY: key.account,
        "correlation_id": asked.correlation_id or correlation.current(),  # where it is stored, no call is bound
    }
    if header is not None:
        if asked.idempotency_key not in {None, header}:
            raise invalid({"idempotency_key": "is not the Idempotency-Key of the header: give one of the two"})
        own["idempotency_key"] = header
    if asked.callback_url is not None:
        try:
            url = named_url(asked.callback_url, key.allowed_callback_hosts, dependencies.current().callbacks)
        except CallbackUrlError as error:
            raise invalid({"callback_url": str(error)}) from None
        own["callback_url"] = url
    if key.event_types is not None and asked.event_type_id not in key.event_types:
        raise ApiError("scope", "The API key may book only its own event types, each by its id.")
    return asked.model_copy(update=own)


@dataclass(frozen=True, slots=True)
class _LateRequest:
    """Hold a request whose time has passed, and its problem, which counts unless its idempotency key is known."""

    asked: CallerRequest
    key: str
    problem: ApiError

    def if_known(self, known: Collection[str]) -> CallerRequest:
        """Return the request if its key is among the known ones: the key comes before the clock.

        Raises:
            ApiError: It is not: its problem.
        """
        if self.key not in known:
            raise self.problem
        return self.asked


def _parsed_or_late(data: Any, key: ApiKey, *, header: str | None = None) -> CallerRequest | _LateRequest:
    """Return the request that `data` is, also one with an idempotency key that is wrong in its time alone.

    Raises:
        ApiError: As `_parsed`.
    """
    try:
        return _parsed(data, key, header=header)
    except ApiError as error:
        problem = error
    try:
        asked = _parsed(data, key, header=header, now=_NO_TIME_HAS_PASSED)
    except ApiError:
        raise problem from None
    if asked.idempotency_key is None:
        raise problem
    return _LateRequest(asked, asked.idempotency_key, problem)


def _parsed_each(listed: list[Any], key: ApiKey) -> list[CallerRequest | ApiError]:
    """Return the request of each entry, or its problem; whether the keys of late ones are known is asked once."""
    parsed = [_or_problem(partial(_parsed_or_late, one, key)) for one in listed]
    late = {one.key for one in parsed if isinstance(one, _LateRequest)}
    known = views.known_keys(key, late) if late else ()
    return [_or_problem(partial(one.if_known, known)) if isinstance(one, _LateRequest) else one for one in parsed]


def _or_problem(read: Callable[[], T]) -> T | ApiError:
    try:
        return read()
    except ApiError as problem:
        return problem


def _kept(asked: Sequence[CallerRequest], key: ApiKey) -> list[dict[str, Any]]:
    """Store requests, and return the result of each."""
    kept = list(zip(enqueue_bookings(asked, api_key_id=key.id), asked, strict=True))
    again = [(one, request) for one, request in kept if isinstance(one, Receipt) and one.duplicate]
    known = iter(_repeated([(BookingView.of(one, request, key.id), request.start) for one, request in again], key))
    return [_result(one, request, key, known) for one, request in kept]


def _result(one: Answer, request: CallerRequest, key: ApiKey, known: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a request; `known` has the documents of those that were known, in their order."""
    if isinstance(one, Conflict):
        return key_reused().document
    if isinstance(one, NotFirst):
        return not_first(request).document
    if one.duplicate:
        return {"status": 200, "booking": next(known)}
    return {"status": 202, "booking": document(BookingView.of(one, request, key.id), key)}


def _with_sentence(error: AppointmentDatabaseException | ApiError, language: str | None) -> ApiError:
    """Return the problem of a request that was not stored, or perhaps was, with a sentence for who waits."""
    if isinstance(error, ApiError) and error.type != "not-kept":
        return error
    return ApiError("perhaps-kept" if getattr(error, "perhaps_kept", False) else "not-kept", say=not_accepted(language))
