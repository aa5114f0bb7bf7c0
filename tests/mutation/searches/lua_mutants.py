"""The breaker's Lua with one thing changed: a condition negated, a comparison moved by one, another number."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from resilience.shared_state import scripts

_PART = re.compile(
    r"(?:not )?[\w.:#\[\]]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?(?: (?:[=~<>]=|[<>]) [\w.'\-]+(?: [+-] \w+)?)?"
)
_CHOICE = re.compile(r"(?<![\w.'])([\w.]+(?: [=~<>]=? [\w']+)?|\(.+\))( and \S.* or )")
_COMPARISON = re.compile(r" (<=|>=|<|>) ")
WIDTH = 105  # columns of a change that are shown
_OTHER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
_NUMBER = re.compile(r"(?<![\w.'%\[])(?<!or )(?<!or -)(?<!\) \+ )(\d+)(?![\w.'\]])")
"""Neither one that stands for what is not there (no moment and no epoch is 1, either), nor the 0 of `(text) + 0`."""


EQUIVALENT: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "In the very millisecond in which a 429 ends nothing is left to find out, and no walk asks for it then.": (
            "throttle: return now <= quota.throttled_until and math.abs(now - recorded_at) >= setting.trial_every",
        ),
        "What a scope is moved from has no end and no count of openings to look at.": (
            "account: return new_scope(hash == BREAKER and name or name .. '/' .. ACCOUNT, name .. '/', hash, fields[1",
        ),
        "A window of a day before has the slot of the present one, so that one more window back is none.": (
            "mark_incomplete: local first = math.max(now - ARGV[3], now - 1440 * size)",
        ),
        "They are written in pairs.": (
            "quota: if #quota.writes > 1 then",
            "reply: if #writes > 1 then",
            "reply: if #own_writes > 1 then",
        ),
        "At the bound itself both ways are the same.": (
            "quota: if quota.emission_interval > 0 and backlog(quota) >= quota.burst_tolerance then",
            "quota: elseif resets_at >= quota.resets_at then",
            "overtaken: if own and (granted_at >= answered or answered > now) then",
            "release_room: if own and (admitted or 0) - now * 1000 >= ahead then",
            "release_window: if taken_at == now and (now - since > QUICK or known > 0 and known <= sent) then",
            "trip: elseif scope.state == 'closed' and result and scope.failures >= 0 then",
        ),
        "No walk has so many items.": ("overtaken: local SLOW, MOST_READ = 3000, 1001",),
        "No window lasts a millisecond.": ("quota: return quota.longest > 1 and quota.longest or setting.rate_window",),
        "No limit of ours has an interval of a microsecond.": (
            "admission: local message_interval = setting.emission_interval > 1 and setting.emission_interval or NO_LIM",
            "admission: if setting.emission_interval > 1 then",
            "quota: if quota.emission_interval > 1 and backlog(quota) > quota.burst_tolerance then",
            "quota: if emission_interval > 1 then",
            "quota: if quota.emission_interval > 1 then",
            "release_room: if quota.emission_interval > 1 then",
            "status: if quota.emission_interval > 1 then",
        ),
        "The first to ask begins window 1: no permit is of window 0.": (
            "quota: elseif window > 0 and window == quota.window - 1 then",
            "quota: elseif window >= 1 and window == quota.window - 1 then",
        ),
        "An epoch is a time of these years.": (
            "trip: local service_changed = epochs[1] > 1 and epochs[1] ~= service.epoch",
            "trip: local endpoint_changed = epochs[2] > 1 and epochs[2] ~= endpoint.epoch",
        ),
        "Where nothing stands in the way the limit says how long to wait.": (
            "state_machine: return '', 1, scope.state == 'half_open'",
            "state_machine: return '', 1, false",
            "state_machine: local reason, wait, probes, probing = '', 1, false, false",
        ),
        "A service has a name, so that its keys begin with two characters at least.": (
            "quota: if (quota.begun or quota.window == 0) and string.find(quota.key, ':rate:', 2, true) then",
        ),
        "An account that is alone counts no trials; of another one they are read.": (
            "account: local trials, reset_at, own_reset, callers = 1, nil, nil, nil",
        ),
        "A moment is one of these years.": (
            "account: unblocked_at, next_trial_at, trials = reset_at + 0, 1, 0",
            "acquire: beside_probe = let_go_at(item) > 1",
            "acquire: if released_at > 1 then",
            "acquire: note_take(released_at, taken_at > 1 and taken_at or now)",
            "give_back: if answered_at > 1 then",
            "give_back: if since > 1 and answered_at - since > LATE then",
            "give_back: elseif since > 1 and answered_at > 0 then",
            "give_back: elseif since > 0 and answered_at > 1 then",
        ),
        "No walk fails at the very millisecond at which another account's call is ten minutes old.": (
            "callers: local MOST, FRESH, RECENT = 3, 60000, 600001",
            "callers: number = number + (math.abs(now - at) <= RECENT and 1 or 0)",
        ),
        "What has no place was released at 0, so that nothing takes it at once.": (
            "give_back: elseif since >= 0 and answered_at > 0 then",
        ),
        "No walk is of another Cal.com, nor of two hours: test_services.py sees that its keys end.": (
            "at_rest: local KEPT = 7200001",
            "at_rest: if string.find(KEYS[1], '{c-', 2, true) == 1 then",
            "at_rest: if string.find(KEYS[1], '{c-', 1, true) == 2 then",
            "acquire_closed: if not (string.find(BREAKER, '{c-', 1, true) == 1) then redis.call('PEXPIRE', BREAKER, KE",
            "acquire_closed: if string.find(BREAKER, '{c-', 2, true) == 1 then redis.call('PEXPIRE', BREAKER, KEPT) en",
            "acquire_closed: if string.find(BREAKER, '{c-', 1, true) == 2 then redis.call('PEXPIRE', BREAKER, KEPT) en",
        ),
        "A bound of memory: no walk is so long.": (
            "closed_arguments: local KEPT = 7200001",
            "state_machine: redis.call('XADD', EVENTS, 'MAXLEN', '~', 1001, '*', 'endpoint', name, 'old', old, 'new', ",
            "trip: redis.call('LTRIM', failures, 0, NEVER - 2)",
        ),
    }
)
"""Changes that no walk can notice, by the reason why."""


@dataclass(frozen=True)
class Mutant:
    """One line of one file, changed."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file.removeprefix('lib/')}: {self.text.partition(' --')[0].strip()}"[:WIDTH]

    def assemble(self, name: str) -> str:
        """Assemble a script as the real ones are, but for the changed line."""
        text = "\n".join(self._read(part) for part in scripts.files_of(name))
        return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))

    def _read(self, name: str) -> str:
        lines = scripts.read(name).splitlines()
        if name == self.file:
            lines[self.line] = self.text
        return "\n".join(lines)


def mutants(file: str) -> Iterator[Mutant]:
    """Give the mutants of one file, each once."""
    seen: set[tuple[int, str]] = set()
    for number, line in enumerate(scripts.read(file).splitlines()):
        if line.lstrip().startswith("--"):
            continue
        for text in _changes(line):
            if text != line and (number, text) not in seen:
                seen.add((number, text))
                yield Mutant(file, number, text)


def sources() -> list[str]:
    """Name the Lua files of the breaker; the rate of an API key and free times have tests of their own."""
    breakers = scripts.FRAGMENTS.keys() - {"call_limit", "reading_begin", "reading_end"}
    return sorted({file for script in breakers for file in scripts.files_of(script)})


def _changes(line: str) -> Iterator[str]:
    code, dashes, comment = line.partition(" --")
    for change in (*_negations(code), *_comparisons(code), *_numbers(code)):
        yield change + dashes + comment


def _negations(code: str) -> Iterator[str]:
    """Negate a condition, each part of one, and the condition of `x and a or b`."""
    begin = re.match(r"\s*(?:else)?if |\s*return (?=.* (?:==|and|or) )|\s*and ", code)
    if begin and ("then" in code or begin[0].strip() == "and"):
        body = code[begin.end() :].removesuffix(" then")
        after = code[begin.end() + len(body) :]
        yield f"{begin[0]}not ({body}){after}"
        for part in _PART.finditer(body):
            if part[0] not in ("and", "or", "not"):
                yield f"{begin[0]}{body[: part.start()]}not ({part[0]}){body[part.end() :]}{after}"
    for choice in _CHOICE.finditer(code):
        yield f"{code[: choice.start()]}not ({choice[1]}){code[choice.end(1) :]}"


def _comparisons(code: str) -> Iterator[str]:
    """Move each comparison by one."""
    for found in _COMPARISON.finditer(code):
        yield f"{code[: found.start()]} {_OTHER[found[1]]} {code[found.end() :]}"


def _numbers(code: str) -> Iterator[str]:
    """Add one to each number that stands alone, but for the places of what is unpacked."""
    for found in _NUMBER.finditer("" if "unpack(" in code else code):
        yield f"{code[: found.start()]}{int(found[1]) + 1}{code[found.end() :]}"
