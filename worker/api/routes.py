"""Each address of the HTTP server, and what answers there."""

from starlette.routing import Route

from worker.api import bookings, changes, documented, pages
from worker.api.calcom_shape import resource as calcom_shape
from worker.api.calcom_webhooks import receive
from worker.api.callbacks import resource as callbacks
from worker.api.callbacks.events import events
from worker.api.finding import resource as finding
from worker.api.mcp import endpoint as mcp
from worker.api.slots.resource import slots
from worker.api.voice import plain, retell, vapi

ROUTES = [
    Route("/v1/bookings", bookings.book, methods=["POST"]),
    Route("/v1/bookings", finding.list_own, methods=["GET"]),
    Route("/v1/bookings/batch", bookings.book_batch, methods=["POST"]),
    Route("/v1/bookings/find", finding.find, methods=["POST"]),
    Route("/v1/bookings/{id}", bookings.by_id, methods=["GET"]),
    Route("/v1/bookings/{id}/cancel", changes.cancel, methods=["POST"]),
    Route("/v1/bookings/{id}/reschedule", changes.reschedule, methods=["POST"]),
    Route("/v1/bookings/{id}/changes/{change}", changes.by_id, methods=["GET"]),
    Route("/v1/slots", slots, methods=["GET"]),
    Route("/v1/events", events, methods=["GET"]),
    Route("/v1/callbacks/test", callbacks.test, methods=["POST"]),
    Route("/v1/tools/{tool}", plain.use, methods=["POST"]),
    Route("/v1/mcp", mcp.message, methods=["POST"]),
    Route("/v1/voice/retell", retell.call, methods=["POST"]),
    Route("/v1/voice/retell/{tool}", retell.function, methods=["POST"]),
    Route("/v1/voice/vapi", vapi.call, methods=["POST"]),
    Route("/v2/bookings", calcom_shape.book, methods=["POST"]),
    Route("/v2/bookings/{id}", calcom_shape.by_uid, methods=["GET"]),
    Route("/v2/bookings/{id}/cancel", calcom_shape.cancel, methods=["POST"]),
    Route("/v2/bookings/{id}/reschedule", calcom_shape.reschedule, methods=["POST"]),
    Route("/v2/slots", calcom_shape.slots, methods=["GET"]),
    Route("/v1/calcom/webhook/{token}", receive.webhook, methods=["POST"]),
    Route("/v1/openapi.json", documented.openapi),
    Route("/health", pages.health),
    Route("/ready", pages.ready),
    Route("/docs", pages.docs),
    Route("/docs/{name}", pages.docs_file),
]
