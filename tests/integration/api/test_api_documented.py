"""docs/integrating.md tells the truth: each block of it runs, and its table of errors is the code's."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.support.api.agents import address, briefly, post_signed, retell
from tests.support.api.integrating import PAGE, blocks
from tests.support.api.served import Api
from tests.support.fleet import eventually
from worker.api.problems import TYPES
from worker.api.voice.schemas import SCHEMAS
from worker.api.voice.sentences import ASKED, Asked
from worker.api.voice.tools import TOOLS

GIVEN = {
    "start": "2030-03-15T10:00:00", "new_start": "2030-03-16T10:00:00", "date": "2030-03-15", "name": "Pat Example",
    "email": "tools@example.com", "phone_number": "+12025550150", "time_zone": "Europe/Berlin", "another": False,
    "notes": "A window, please", "answers": {"company": "Example Ltd"},
}  # fmt: skip


@pytest.mark.long
def test_each_block_runs_in_its_order(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Curl's by a shell, Python's as one program; the answer has the fields of the one that is shown."""
    monkeypatch.setenv("BOOKING_URL", api.url)
    monkeypatch.setenv("BOOKING_KEY", api.key().key)
    [curl], [shown] = blocks("bash"), map(json.loads, blocks("json"))
    page: dict[str, Any] = {}

    ran = subprocess.run(["/bin/sh", "-c", curl], check=True, capture_output=True, text=True, timeout=60)
    for block in blocks("python"):
        exec(compile(block, "docs/integrating.md", "exec", dont_inherit=True), page)  # noqa: S102 - that is the test

    booked = json.loads(ran.stdout)
    assert (booked.keys(), booked["start"]) == (shown.keys(), shown["start"])
    assert page["same"]["id"] == page["booking"]["id"] != booked["id"]
    assert [one["id"] for one in page["found"]] == [booked["id"], page["booking"]["id"]]
    assert [one["status"] for one in page["results"]] == [202, 202]
    [change] = map(json.loads, blocks("json change"))
    assert page["moved"].keys() == page["cancelled"].keys() == change.keys()
    assert [page[name]["status"] for name in ("moved", "cancelled")] == ["done", "done"]
    [slots] = map(json.loads, blocks("json slots"))
    assert page["free"].keys() in ({"known", "slots"} | {"held"}, slots.keys())


def test_the_payloads_of_voice_agents_are_answered_in_the_form_that_is_shown(api: Api) -> None:
    """Retell's signed, Vapi's with the key; no worker runs, so a sentence is another one."""
    caller = api.key()
    [asked], [shown] = blocks("json retell"), map(json.loads, blocks("json retell-answer"))
    [calls], [results] = blocks("json vapi"), map(json.loads, blocks("json vapi-answer"))

    answer = post_signed(caller, address(caller, "/v1/voice/retell", within="0.5"), asked.encode())
    headers = {"Content-Type": "application/json"}
    vapi = caller.call("POST", address(caller, "/v1/voice/vapi", within="0.5"), data=calls.encode(), headers=headers)

    assert (answer.status_code, answer.json().keys()) == (200, shown.keys())
    assert vapi.status_code == 200
    ids = [[one["toolCallId"] for one in told["results"]] for told in (vapi.json(), results)]
    assert ids == [["tc_1", "tc_2"]] * 2


def test_the_blocks_of_plain_tools_and_of_mcp_are_answered_in_the_form_that_is_shown(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a shell; what the first has booked the second finds, whether a worker runs or not."""
    monkeypatch.setenv("BOOKING_URL", api.url)
    monkeypatch.setenv("BOOKING_KEY", api.key().key)

    def told(name: str) -> Any:
        [curl] = blocks(f"bash {name}")
        curl = curl.replace("within=5", "within=0.5")
        ran = subprocess.run(["/bin/sh", "-c", curl], check=True, capture_output=True, text=True, timeout=60)
        return json.loads(ran.stdout)

    booked = eventually(lambda: (answer := told("plain"))["booking"] and answer, what="it is stored")
    found = told("mcp")["result"]["structuredContent"]

    [shown] = map(json.loads, blocks("json plain-answer"))
    assert booked.keys() == shown.keys() == found.keys()
    assert (booked["start"], found["booking"]) == (shown["start"], booked["booking"])


def test_the_schemas_of_the_tools_stand_once() -> None:
    """The page shows what the code tells a model; each platform is set up with them, or asks for them."""
    [shown] = map(json.loads, blocks("json tools"))

    assert shown == {name: described.parameters for name, described in SCHEMAS.items()}
    assert shown.keys() == TOOLS.keys()


def test_the_table_of_tools_is_the_codes() -> None:
    """Each tool has its row."""
    section = PAGE.partition("| tool |")[2].partition("\n\n")[0]

    assert set(re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE)) == set(TOOLS)


def test_what_the_schemas_of_the_tools_ask_for_is_understood(api: Api) -> None:
    """Each tool with each of its parameters: no answer asks for one of them."""
    caller, [schemas] = api.key(), map(json.loads, blocks("json tools"))
    asked_for = {ASKED["en"][one] for one in Asked if one not in {Asked.NOT_SEEN, Asked.STILL_AT_IT}}

    def told(tool: str) -> str:
        return briefly(retell, caller, tool, {name: GIVEN[name] for name in schemas[tool]["properties"]}, "call-50").say

    assert schemas.keys() == TOOLS.keys()
    assert {tool: say for tool in schemas if (say := told(tool)) in asked_for} == {}
    assert {name for schema in schemas.values() for name in schema["properties"]} == GIVEN.keys()


def test_the_table_of_errors_is_the_codes() -> None:
    """Each type with its status, and no other."""
    rows = re.findall(r"^\| (\d{3}) \| (`[^|]+`) \|", PAGE, re.MULTILINE)
    told = {name: int(status) for status, names in rows for name in re.findall(r"`([a-z0-9-]+)`", names)}

    assert told == {name: kind.status for name, kind in TYPES.items()}
