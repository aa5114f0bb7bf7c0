"""Prose is no data: no figure, alert, chart or privacy rule hangs on the wording of a sentence.

A sentence is a text of two words or more, or what a field for sentences holds. The rule looks for what compares or cuts
one, in SQL, Python and JavaScript.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = ("worker", "tasks", "resilience", "db", "client/booking_client")
SENTENCE = re.compile(r"[^\W\d_]{2,}[^\w\s]*\s+[^\w\s]*[^\W\d_]{2,}")
CUT = re.compile(r"(?=.*\s)(?=.*[.:;,a-z]).+")  # a separator that only prose has
FIELDS = frozenset({"why", "last_error", "sentence", "nothing"})  # these hold sentences
METHODS = frozenset({"startswith", "endswith", "removeprefix", "removesuffix", "split", "rsplit", "partition"})
METHODS |= {"rpartition", "find", "rfind", "index", "rindex", "count", "compile", "match", "search", "fullmatch"}
METHODS |= {"like", "ilike", "contains", "in_", "regexp_match"}  # SQLAlchemy's

# Another program has no other way to say it: its words are compared where they come in, and nowhere else.
OTHERS_WORDS = {
    "worker/alerts/child.py": "Apprise logs that a sink was not reached",
    "worker/local/embedded/server.py": "a server's log has that its port is taken",
    "worker/logs.py": "beat logs each task that it sends",
    "worker/page/asked.py": "pydantic puts two words before an error's own",
    "worker/settings/texts.py": "the same",
    "tasks/calcom/booking_answers.py": "Cal.com's errors have a message and no code",
    "tasks/calcom/changes/refusals.py": "the same",
    "tasks/calcom/failures.py": "the same",
    "tasks/guarded_calls/event_type_lookup.py": "the same",
    "tasks/guarded_calls/recheck.py": "the same",
    "db/sql/forget_elsewhere.sql": "a person's name is searched in all that was written",
    "db/sql/forget_words.sql": "the same",
}

# -- Python ------------------------------------------------------------------------------------------------------------


def in_python(source: str) -> Iterator[str]:
    """Yield what of a module compares with a sentence, or cuts one; also the SQL that it holds."""
    tree = ast.parse(source)
    constants = _constants(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=[ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn(), *_]):
                sides = [node.left, *node.comparators]
                if any(_is_prose(side, constants) for side in sides):
                    yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr=name, value=value), args=args) if name in METHODS:
                told = [constants.get(one.id, one) if isinstance(one, ast.Name) else one for one in args]
                cut = re.search("split|partition", name) and any(map(_cuts, told))
                if cut or any(_is_prose(one, constants) for one in args) or (args and _field(value)):
                    yield ast.unparse(node)
            case ast.MatchValue(value=value) if _is_prose(value, constants):
                yield ast.unparse(node)
            case ast.Constant(value=str(text)) if re.search(r"\b(SELECT|UPDATE|WHERE)\b", text):
                yield from in_sql(text)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what the names of a module stand for, its own and those that it imports."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            theirs = _of_file(ROOT / f"{node.module.replace('.', '/')}.py")
            found |= {one.asname or one.name: theirs[one.name] for one in node.names if one.name in theirs}
    return found | _own_constants(tree)


@cache
def _of_file(path: Path) -> dict[str, ast.expr]:
    return _own_constants(ast.parse(path.read_text("utf-8"))) if path.exists() else {}


def _own_constants(tree: ast.Module) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = value
    return found


def _is_prose(node: ast.expr, constants: Mapping[str, ast.expr]) -> bool:
    """Return whether an expression is a sentence, a collection of some, or a field that holds one."""
    match node:
        case ast.Constant(value=str(text)):
            return bool(SENTENCE.search(text))
        case ast.Name(id=name) if name in constants:
            return _is_prose(constants[name], {})
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(_is_prose(part, constants) for part in parts)
        case ast.Call(func=ast.Name(id="frozenset" | "set" | "tuple"), args=[inner]):
            return _is_prose(inner, constants)
    return _field(node)


def _field(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=name)):
            return name in FIELDS
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=name), *_]):
            return name in FIELDS
        case ast.BoolOp(values=parts):
            return any(_field(part) for part in parts)
    return False


def _cuts(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(CUT.fullmatch(node.value))


# -- SQL ---------------------------------------------------------------------------------------------------------------

TOKEN = re.compile(r"'(?:[^']|'')*'|->>?|<>|!=|!?~\*?|[\w.:]+|\S")
COMPARES = frozenset({"=", "<>", "!=", "LIKE", "ILIKE", "~", "~*", "!~", "!~*", "WHEN"})


def in_sql(text: str) -> Iterator[str]:
    """Yield what of a statement compares with a sentence; `SET column = 'a sentence'` only writes one."""
    tokens = TOKEN.findall(re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL))
    for at, token in enumerate(tokens):
        before = [""] * 3 + tokens[:at]
        if token.startswith("'") and SENTENCE.search(token):
            listed = _opened_by(before) in {"IN", "ANY", "starts_with", "split_part", "strpos", "position"}
            writes = before[-1] == "=" and before[-3].upper() in {"SET", ","}
            if listed or (before[-1].upper() in COMPARES and not writes):
                yield f"{before[-1]} {token}"
        compares = token.upper() in COMPARES | {"IN"} and before[-2].upper() not in {"SET", ",", "THEN"}
        if compares and before[-1].strip("'").rpartition(".")[2] in FIELDS:
            yield f"{before[-1]} {token}"


def _opened_by(before: list[str]) -> str:
    """Return what stands before the bracket that is open here."""
    depth = 0
    for at in range(len(before) - 1, 0, -1):
        depth += (before[at] == ")") - (before[at] == "(")
        if depth < 0:
            return before[at - 1]
    return ""


# -- JavaScript --------------------------------------------------------------------------------------------------------

TEXT = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
ASKS = r"\.(?:startsWith|endsWith|includes|indexOf|lastIndexOf|split|match|search)\("
COMPARED = re.compile(
    rf"(?:[!=]==?|\bcase|{ASKS})\s*(?P<right>{TEXT}|[A-Z][A-Z_]+\b)|(?P<left>{TEXT})\s*[!=]==?"
    rf"|\[(?P<many>[^\[\]]*)\]\.includes\(|\b(?P<name>[A-Z][A-Z_]+)\.includes\(|\.(?P<field>{'|'.join(sorted(FIELDS))})\s*(?:[!=]==?(?!\s*null)|{ASKS})"
)


def in_javascript(text: str) -> Iterator[str]:
    """Yield what of a module compares with a sentence, or cuts one."""
    code = re.sub(r"^\s*//[^\n]*|\s// [^\n]*|/\*.*?\*/", "", text, flags=re.MULTILINE | re.DOTALL)
    constants = dict(re.findall(rf"\bconst ([A-Z][A-Z_]+) = ({TEXT}|\[[^\]]*\])", code))
    for found in COMPARED.finditer(code):
        texts = [found["right"] or found["name"] or "", found["left"] or "", *re.findall(TEXT, found["many"] or "")]
        texts += re.findall(TEXT, constants.get(texts[0], ""))
        cut = ".split(" in found[0] and CUT.fullmatch(texts[0][1:-1])
        if found["field"] or cut or any(SENTENCE.search(one) for one in texts):
            yield found[0]


# -- the rule and its samples ------------------------------------------------------------------------------------------

Reader = Callable[[str], Iterator[str]]
READ: dict[str, Reader] = {".py": in_python, ".sql": in_sql, ".js": in_javascript}
FILES = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*")) if path.suffix in READ]
CHECKED = [path for path in FILES if "vendor" not in path.parts]  # the charts' library is not ours


def compared(path: Path) -> list[str]:
    """Return what a file compares with a sentence."""
    return list(READ[path.suffix](path.read_text("utf-8")))


def test_nothing_hangs_on_the_wording_of_a_sentence() -> None:
    """What a figure, an alert, a chart or a privacy rule needs is a field: `denied_for`, `done_at`, an error type."""
    found = {str(path.relative_to(ROOT)): compared(path) for path in CHECKED}

    assert len(found) > 400
    assert {name: those for name, those in found.items() if those and name not in OTHERS_WORDS} == {}


@pytest.mark.parametrize("name", OTHERS_WORDS)
def test_each_exception_is_still_needed(name: str) -> None:
    """A file that compares no other program's words any more is like all others."""
    assert compared(ROOT / name) != []


CHARTS = """nothing.findIndex((part) => typeof part === "string" && part.endsWith("done at about "));"""
WAITED = """const SAID = ["all go", "by then"];\nSAID.includes(text)"""
COUNTED = """SELECT CASE event.detail ->> 'why' WHEN 'the circuit breaker is open' THEN 'breaker_open' END"""
NEVER = """NEVER = "never known"\n(row.last_error or "").startswith(NEVER)"""


@pytest.mark.parametrize(
    ("language", "sample"),
    [
        # as it was in six places
        (in_sql, COUNTED),
        (in_sql, "SELECT 1 WHERE event.detail ->> 'why' LIKE 'Cal.com booked it%'"),
        (in_javascript, CHARTS),
        (in_python, NEVER),
        (in_python, 'why = move.why.partition(": ")[0]'),
        (in_python, 'why = scrub(str(event.detail.get("why") or "").partition(": ")[0])'),
        (in_python, "any((one.by, one.why) == (action.who, action.why) for one in changes)"),
        (in_python, "any((one.kind, one.by, one.why, one.until) == wanted for one in orders)"),
        # and in others that it could come back to
        (in_sql, "SELECT 1 WHERE last_error IN ('retries used up', 'cancelled before it was posted')"),
        (in_sql, "SELECT 1 WHERE starts_with(detail ->> 'said', 'found at Cal.com')"),
        (in_sql, "UPDATE appointments SET looks = 0 WHERE last_error = 'a late answer'"),
        (in_sql, "SELECT 1 WHERE last_error = :before"),
        (in_python, """text("SELECT 1 FROM appointments WHERE last_error LIKE 'retries used%'")"""),
        (in_python, '"rate limit" in move.words'),
        (in_python, 'if why == "found at Cal.com":\n    pass'),
        (in_python, 'SAID = frozenset({"a late answer"})\ntext in SAID'),
        (in_python, "from tasks.operations.breaker_actions import KEPT\nanswer == KEPT"),
        (in_python, 'match text:\n    case "a late answer":\n        pass'),
        (in_python, "table.c.last_error.like(pattern)"),
        (in_python, 'head, _, rest = answer.text.partition(" because ")'),
        (in_python, 're.compile("retries used up")'),
        (in_javascript, """if (sentence.text === "all go by themselves") end();"""),
        (in_javascript, """switch (text) { case "it rests": break; }"""),
        (in_javascript, """if (event.why !== before.why) end();"""),
        (in_javascript, """const [head] = text.split(": ");"""),
        (in_javascript, WAITED),
    ],
)
def test_the_rule_finds_what_hangs_on_a_sentence(language: Reader, sample: str) -> None:
    """Each of the old places, and each way to compare or to cut."""
    assert list(language(sample)) != []


@pytest.mark.parametrize(
    ("language", "sample"),
    [
        (in_sql, "UPDATE appointments SET looks = 0, last_error = 'a late answer' WHERE id = :id -- = 'a late answer'"),
        (in_sql, "SELECT CASE WHEN is_late THEN 'a late answer' ELSE 'retries used up' END, 'held too long'"),
        (in_sql, "SELECT 1 WHERE status = 'held' AND hold_reason IN ('blind_key', 'suspect')"),
        (in_python, 'Move(Status.HELD, "the circuit breaker is open", hold)'),
        (in_python, 'reason == "breaker_open" and url.startswith("redis:") and words.split(",") and why is not None'),
        (in_python, 'told.split(" ")'),
        (in_javascript, """show("all go by themselves"); // text === "all go by themselves" """),
        (in_javascript, """name === "draining" && states.includes("off") && why !== null"""),
    ],
)
def test_the_rule_leaves_alone_what_only_says_a_sentence(language: Reader, sample: str) -> None:
    """Words of one word are codes; a sentence may be written, shown and kept."""
    assert list(language(sample)) == []
