"""One page: an order."""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from db import place_order


def order(request: HttpRequest, number: int) -> JsonResponse:
    """Place an order."""
    try:
        place_order(number, fails="refused" in request.GET)
    except ValueError as error:
        return JsonResponse({"error": str(error)}, status=402)
    return JsonResponse({"order": number})


urlpatterns = [path("orders/<int:number>", order)]
