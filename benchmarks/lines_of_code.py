"""How much code there is, or what commits took out and brought: `python benchmarks/lines_of_code.py 977511c [REV ...]`.

A line of code is one that is not blank, no comment and no docstring. For a revision: the lines of the product (worker,
tasks, resilience, db: Python, Lua, SQL and the page's JavaScript, without what others wrote) and of all, and the median
of tokens a line of Python. For a range (A..B): each one's.
"""

import argparse
import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from statistics import median

PRODUCT = ("worker", "tasks", "resilience", "db", "client/booking_client")
KINDS = (".py", ".lua", ".sql", ".js")
VENDOR = "/vendor/"  # code of others, kept as they published it
_BLOCK_COMMENT = re.compile(r"^[ \t]*/\*.*?\*/[ \t]*$", re.MULTILINE | re.DOTALL)
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def tokens_by_line(text: str) -> Counter[int]:
    """Return how many tokens each line of a Python file has, without comments and docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docstrings.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    found: Counter[int] = Counter()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            found.update(line for line in range(token.start[0], token.end[0] + 1) if line not in docstrings)
    return found


def lines(path: str, text: str) -> int:
    """Return how many lines of code a file has."""
    if path.endswith(".py"):
        return len(tokens_by_line(text))
    comment = "--"
    if path.endswith(".js"):
        comment = "//"
        text = _BLOCK_COMMENT.sub("", text)
    return sum(1 for line in text.splitlines() if line.strip() and not line.lstrip().startswith(comment))


def counts(path: str) -> bool:
    """Return whether a file is code of this project."""
    return path.endswith(KINDS) and VENDOR not in f"/{path}"


def git(*arguments: str) -> str:
    """Return what git prints."""
    return subprocess.check_output(["git", *arguments], text=True)  # noqa: S607 - git of the path


def revision(rev: str) -> dict[str, object]:
    """Return the figures of one revision."""
    product = everything = 0
    dense: list[int] = []
    for path in git("ls-tree", "-r", "--name-only", rev).splitlines():
        if not counts(path):
            continue
        text = git("show", f"{rev}:{path}")
        count = lines(path, text)
        everything += count
        if path.split("/")[0] in PRODUCT:
            product += count
            dense += tokens_by_line(text).values() if path.endswith(".py") else ()
    return {"revision": rev, "product": product, "all": everything, "median_tokens": median(dense)}


def commit(rev: str) -> dict[str, object]:
    """Return what one commit brought more than it took out; negative: less."""
    product = everything = 0
    for line in git("diff", "--no-renames", "--name-status", f"{rev}^", rev).splitlines():
        status, path = line.split("\t")[:2]
        if counts(path):
            after = 0 if status == "D" else lines(path, git("show", f"{rev}:{path}"))
            before = 0 if status == "A" else lines(path, git("show", f"{rev}^:{path}"))
            everything += after - before
            product += after - before if path.split("/")[0] in PRODUCT else 0
    return {
        "revision": rev[:7],
        "product": product,
        "all": everything,
        "subject": git("log", "-1", "--format=%s", rev).strip(),
    }


def main() -> int:
    """Run from the command line; return the exit code."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("revisions", nargs="+", metavar="REV", help="a revision, or a range of them (A..B)")
    made.add_argument("--json", action="store_true", help="print one line of JSON a figure")
    asked = made.parse_args()
    for rev in asked.revisions:
        if ".." in rev:
            figures = [commit(one) for one in git("rev-list", "--reverse", "--no-merges", rev).split()]
        else:
            figures = [revision(rev)]
        for one in figures:
            sys.stdout.write(
                json.dumps(one) if asked.json else "  ".join(f"{name} {value}" for name, value in one.items())
            )
            sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
