"""The tools over plain HTTP: the API key, the arguments as one flat object, and the answer as one flat object."""

from starlette.requests import Request
from starlette.responses import Response

from worker.api.answers import json_response
from worker.api.bodies import json_object
from worker.api.voice.address import call_in
from worker.api.voice.answering import Answering, Asking
from worker.api.voice.answers import speaking
from worker.api.voice.tools import TOOLS, require_tool


@speaking
async def use(request: Request) -> Response:
    """Use the tool that the address names."""
    name = request.path_params["tool"]
    require_tool(name)
    answering = Answering.of(request, "plain")
    async with answering.admitted(TOOLS[name].scope) as admission:
        arguments = await json_object(request)
        [spoken] = await answering.answers(admission, call_in(request), [Asking(name, arguments)])
    return json_response(spoken.document)
