"""Break the product on purpose, one promise after the other, and see that a test notices.

Each breakage changes one place in a copy of this tree. Its test must pass there before and fail by an assertion after;
that it passes is taken from the JUnit files of `make test-all`, where these are of the same tree and the test was in
the list at the last whole run, which had it pass in a copy, too. The table ends with those that were not caught. Then
the searches run (searches/). A whole run that is green, of a tree that is committed, is kept in last_whole_run.json.
The exit code is 0 when every breakage was caught and every search is green; 1 when one was not, or when the list no
longer fits the code.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.mutation.breakages import BREAKAGES, Breakage
from tests.mutation.choice.choosing import choose
from tests.mutation.choice.last import KEPT, clean_commit, keep, listing
from tests.mutation.choice.searches import SEARCHES, search
from tests.mutation.trials.place import before
from tests.mutation.trials.trial import CAUGHT, ROOT, Ended, Seen, Workshop
from tests.tree import identity
from worker.local.graceful_shutdown import GracefulShutdown


@dataclass(frozen=True, slots=True)
class Result:
    """Say what became of a breakage."""

    name: str
    promise: int
    verdict: str
    test: str
    said: str
    seconds: float


def main() -> int:
    """Run from the command line; return the exit code."""
    asked = _parser().parse_args()
    unknown = set(asked.names) - {one.name for one in BREAKAGES}
    if unknown:
        print(f"no such breakage: {', '.join(sorted(unknown))} (--list names them)", file=sys.stderr)  # noqa: T201
        return 2
    by_change = asked.changed or asked.since is not None
    if asked.names and by_change:
        print("names and --changed choose in two ways: give one", file=sys.stderr)  # noqa: T201
        return 2
    try:
        choice = choose(ROOT, listing(BREAKAGES), asked.since)
    except LookupError as error:
        print(error.args[0], file=sys.stderr)  # noqa: T201
        return 2
    chosen = [one for one in BREAKAGES if not asked.names or one.name in asked.names]
    if by_change:
        chosen = [one for one in chosen if one.name in choice.breakages]
        print(choice, flush=True, file=sys.stderr if asked.json else sys.stdout)
    searches = () if asked.names else tuple(choice.searches if by_change else SEARCHES)
    if asked.list:
        _print_list(chosen, {**choice.breakages, **choice.searches} if by_change else {}, searches)
        return 0
    stale = [problem for one in chosen if (problem := one.problem(ROOT))]
    if stale:
        print("the list of breakages is out of date:", *stale, sep="\n  ", file=sys.stderr)  # noqa: T201
        return 1
    commit = None if asked.names or by_change else clean_commit(ROOT)
    try:
        with GracefulShutdown(), tempfile.TemporaryDirectory(prefix="breakages-") as folder:
            workshop = Workshop(Path(folder), limit=asked.limit)
            results = _run(chosen, workshop, known=choice.before, jobs=asked.jobs)
            print(json.dumps([asdict(one) for one in results]) if asked.json else _table(results), flush=True)  # noqa: T201
            searched = search(Path(folder), searches)
    except KeyboardInterrupt:
        return 130
    green = searched is not None and all(one.verdict == CAUGHT for one in results)
    if green and not asked.names and not by_change:
        print(_keep(commit, searched), file=sys.stderr)  # noqa: T201
    return 0 if green else 1


def _keep(commit: str | None, searched: Mapping[str, int]) -> str:
    """Keep a whole run that was green, if its tree is a commit and still the same; say what was done."""
    if commit is None or clean_commit(ROOT) != commit:
        return f"{KEPT} was not written: the tree was not the one of a commit all the time"
    keep(ROOT, commit, BREAKAGES, searched)
    return f"{KEPT} names {commit[:8]} now; commit it"


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help="only these, and no search (all)")
    made.add_argument(
        "--changed",
        action="store_true",
        help="only those whose file, test or fixtures changed since the last whole run",
    )
    made.add_argument("--since", metavar="REV", help="the same, since this revision")
    made.add_argument(
        "--list",
        action="store_true",
        help="print what is broken, by which test it is seen, and why it was chosen; run nothing",
    )
    made.add_argument("--json", action="store_true", help="print the results as one line of JSON")
    made.add_argument("--jobs", type=int, default=6, help="so many at a time; most of them wait (6)")
    made.add_argument("--limit", type=float, default=600, help="seconds that a run of pytest may take (600)")
    return made


def _run(chosen: Sequence[Breakage], workshop: Workshop, *, known: Collection[str], jobs: int) -> list[Result]:
    """Run every test unbroken, unless it is known to pass; then each with its breakage; not caught comes last."""
    with _side_by_side(jobs, workshop) as each:
        unbroken = _unbroken(list(dict.fromkeys(one.test for one in chosen)), workshop, known, jobs, each)
        # Neighbours begin with the same packages: a thread seldom imports others.
        sorted_ = sorted(chosen, key=lambda one: len(before(one)), reverse=True)
        results = each(lambda one: _try(one, unbroken[one.test], workshop), sorted_, "broken")
        listed = {one.name: n for n, one in enumerate(chosen)}
        return sorted(results, key=lambda result: (result.verdict != CAUGHT, listed[result.name]))


def _unbroken(
    tests: Sequence[str], workshop: Workshop, known: Collection[str], jobs: int, each: Callable[..., list]
) -> dict[str, Seen]:
    """Return how each test ended unbroken: in a run of this tree before, or in a copy."""
    tree = identity()
    workshop.prepare(tests)
    passed = workshop.passed(set(tests).intersection(known), tree)
    unbroken = dict.fromkeys(passed, Seen(Ended.PASSED))
    others = [test for test in tests if test not in passed]
    print(f"unbroken: {len(passed)} of {len(tests)} tests passed in this tree before", file=sys.stderr)  # noqa: T201
    shares = [share for n in range(jobs) if (share := others[n::jobs])]
    for seen in each(workshop.run, shares, "unbroken"):
        unbroken |= seen
    return unbroken


def _try(one: Breakage, unbroken: Seen, workshop: Workshop) -> Result:
    begun = time.monotonic()
    verdict, seen = workshop.verdict(one, unbroken)
    if verdict != CAUGHT:  # a whole run takes half an hour
        print(f"{one.name}: {verdict}; {one.test}: {seen.why}", file=sys.stderr, flush=True)  # noqa: T201
    return Result(one.name, one.promise, verdict, one.test, seen.why, round(time.monotonic() - begun, 1))


@contextmanager
def _side_by_side(jobs: int, workshop: Workshop) -> Iterator[Callable[..., list]]:
    """Hand out a map over threads that tells how far it is; whatever ends the block ends all that they run."""
    with ThreadPoolExecutor(jobs) as pool:

        def each(do: Callable, items: Sequence, what: str) -> list:
            futures = [pool.submit(do, item) for item in items]
            ended = []
            _tell(f"{what}: 0 of {len(futures)}")
            for future in as_completed(futures):
                ended.append(future.result())
                _tell(f"{what}: {len(ended)} of {len(futures)}")
            _tell("")
            return ended

        try:
            yield each
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            workshop.stop()
            raise
    workshop.close()


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _print_list(chosen: Sequence[Breakage], reasons: Mapping[str, str], searches: Sequence[str]) -> None:
    for one in chosen:
        because = f"\n  because: {reasons[one.name]}" if reasons else ""
        print(f"{one.name} (promise {one.promise})\n  {one.file}\n  {one.test}{because}")  # noqa: T201
    for path in searches:
        print(f"{path}\n  because: {reasons[path]}" if reasons else path)  # noqa: T201


def _table(results: Sequence[Result]) -> str:
    width = max((len(one.name) for one in results), default=8)
    lines = [f"{'breakage':{width}}  promise  verdict         seconds  by"]
    for one in results:
        test = one.test.rpartition("::")[2]
        lines.append(f"{one.name:{width}}  {one.promise:7}  {one.verdict:14}  {one.seconds:7.1f}  {test}")
        if one.said:
            lines.append(f"{'':{width}}  {one.said[: 110 - width]}")
    caught = sum(one.verdict == CAUGHT for one in results)
    return "\n".join([*lines, "", f"{caught} of {len(results)} caught"])


if __name__ == "__main__":
    sys.exit(main())
