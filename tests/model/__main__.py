"""Write what the search prints into this folder's README.md; with `--fates N`, search the evidence further instead."""

import argparse

from tests.model.document import README, page
from tests.model.evidence.contradictions import contradicted
from tests.model.evidence.deals import DEALS
from tests.model.evidence.steps import Evidence
from tests.model.search import search


def further(fates: int) -> int:
    """Search every deal with so many things that happen, tell how it went, and return the exit code."""
    failed = 0
    for name, deal in DEALS.items():
        found = search(Evidence(deal._replace(fates=fates if deal.fates else 0)), wrong=contradicted)
        well = found.complete and not found.broken
        failed += not well
        result = "nothing found" if well else found.broken or "too many"
        print(f"{name}: {len(found.states)} states, {result}", flush=True)  # noqa: T201 - a command
        for line in found.trace() if found.broken else ():
            print(f"    {line}")  # noqa: T201 - a command
    return 1 if failed else 0


if __name__ == "__main__":
    made = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    made.add_argument("--fates", type=int, help="so many things happen in one search (1 in the tests)")
    asked = made.parse_args()
    if asked.fates is not None:
        raise SystemExit(further(asked.fates))
    README.write_text(page(), encoding="utf-8")
