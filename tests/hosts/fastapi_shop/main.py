"""Two endpoints: an order, in a thread and in the event loop."""

from fastapi import FastAPI, HTTPException

from db import place_order, place_order_async

api = FastAPI()


@api.post("/orders/{number}")
def order(number: int, *, refused: bool = False) -> dict[str, int]:
    """Place an order."""
    try:
        place_order(number, fails=refused)
    except ValueError as error:
        raise HTTPException(402, str(error)) from None
    return {"order": number}


@api.post("/async-orders/{number}")
async def async_order(number: int, *, refused: bool = False) -> dict[str, int]:
    """Place an order without a thread."""
    try:
        await place_order_async(number, fails=refused)
    except ValueError as error:
        raise HTTPException(402, str(error)) from None
    return {"order": number}
