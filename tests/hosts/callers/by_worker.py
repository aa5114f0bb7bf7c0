"""A caller of `worker`, for the type checkers."""

from worker import BookingRequest, IdempotencyConflict, Outcome, Receipt, Settings, configure, enqueue_booking, wait


def book(asked: dict[str, object]) -> Outcome | int | None:
    """Book one."""
    configure(Settings.load(hold_lead=7))
    try:
        receipt: Receipt = enqueue_booking(BookingRequest.parse(asked))
    except IdempotencyConflict as error:
        return error.conflict.appointment_id
    return wait(receipt.appointment_id, 2.0)
