"""What the providers of voice agents send within a call of some minutes, in the shapes that they document.

Retell's whole payload has the object of its "Get Call" up to now: the transcript three times, twice with each word's
times. Vapi's message has the assistant with its prompt twice, and the conversation twice, each time behind the prompt.
"""

from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

WORDS_A_MINUTE, WORDS_A_TURN = 150, 15
PROMPT = "You answer the telephone of a salon. " * 570  # 20 KB
_WORDS = ("well", "I", "would", "like", "to", "come", "on", "Tuesday", "if", "that", "suits", "you", "perhaps")
_BEGAN = 1_898_000_000.0


def retell_payload(tool: str, arguments: Mapping[str, Any], call: str, minutes: float) -> dict[str, Any]:
    """Return the body of a custom function that sends the whole payload."""
    told = [
        {"role": role, "content": " ".join(words), "words": [_retell_word(word, at) for word, at in _times(words, at)]}
        for role, words, at in _turns(minutes)
    ]
    asked = {"role": "tool_call_invocation", "tool_call_id": "tc_1", "name": tool, "arguments": "{}"}
    return {
        "name": tool,
        "call": {
            "call_id": call,
            "call_type": "phone_call",
            "agent_id": "agent_1",
            "agent_version": 3,
            "call_status": "ongoing",
            "direction": "inbound",
            "from_number": "+12025550100",
            "to_number": "+12025550101",
            "start_timestamp": round(_BEGAN * 1000),
            "metadata": {},
            "retell_llm_dynamic_variables": {"instructions": PROMPT},
            "transcript": "\n".join(f"{one['role'].title()}: {one['content']}" for one in told),
            "transcript_object": told,
            "transcript_with_tool_calls": [*told, asked],
        },
        "args": dict(arguments),
    }


def vapi_payload(tool: str, arguments: Mapping[str, Any], call: str, minutes: float) -> dict[str, Any]:
    """Return the message of a tool call."""
    asked = {"id": "tc_1", "type": "function", "function": {"name": tool, "arguments": dict(arguments)}}
    assistant = {
        "name": "Salon",
        "model": {"provider": "openai", "model": "gpt", "messages": [{"role": "system", "content": PROMPT}]},
        "voice": {"provider": "vapi", "voiceId": "Elliot"},
    }
    turns = [("bot" if role == "agent" else role, " ".join(words), at) for role, words, at in _turns(minutes)]
    messages = [
        {"role": role, "message": text, "time": (_BEGAN + at) * 1000, "secondsFromStart": at, "duration": 6000.0}
        for role, text, at in turns
    ]
    formatted = [{"role": "assistant" if role == "bot" else role, "content": text} for role, text, _ in turns]
    system = {"role": "system", "message": PROMPT, "time": _BEGAN * 1000, "secondsFromStart": 0}
    return {
        "message": {
            "type": "tool-calls",
            "timestamp": round(_BEGAN * 1000),
            "toolCalls": [asked],
            "toolCallList": [{"id": "tc_1", "name": tool, "arguments": dict(arguments)}],
            "toolWithToolCallList": [{"type": "function", "function": {"name": tool}, "toolCall": asked}],
            "artifact": {
                "messages": [system, *messages],
                "messagesOpenAIFormatted": [{"role": "system", "content": PROMPT}, *formatted],
            },
            "assistant": assistant,
            "call": {"id": call, "type": "inboundPhoneCall", "status": "in-progress", "assistant": assistant},
            "phoneNumber": {"number": "+12025550101"},
            "customer": {"number": "+12025550100"},
        }
    }


def _turns(minutes: float) -> Iterator[tuple[str, list[str], float]]:
    """Yield who says what, and when: agent and caller in turn."""
    words, turns = cycle(_WORDS), round(minutes * WORDS_A_MINUTE / WORDS_A_TURN)
    for number in range(turns):
        yield "agent" if number % 2 == 0 else "user", list(islice(words, WORDS_A_TURN)), number * 6.0


def _times(words: list[str], at: float) -> Iterator[tuple[str, float]]:
    yield from ((word, at + number * 0.4) for number, word in enumerate(words))


def _retell_word(word: str, at: float) -> dict[str, Any]:
    return {"word": f"{word} ", "start": round(at, 3) + 0.0001220703, "end": round(at, 3) + 0.3601220703}
