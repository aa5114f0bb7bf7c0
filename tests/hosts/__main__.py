"""Host applications, judged: Django and FastAPI, each with a Celery of its own, before they book with us and after.

Run it with `make hosts`: it needs a package index, and minutes. Each host's own tests run in an environment that has
none of our code, then beside `booking-worker-client`, and in another one beside `worker`; what they print and what they
write down must be the same, line by line. Both wheels are checked, and the types of a small caller, in each version of
Python that a caller may have; those that are on the path book. By the lowest version of each package that is allowed a
caller books, and the demo runs. A client that is generated from the document of our HTTP API books, moves and cancels.
Both distributions are published to a package index, and pip gets them from there by name. The site of the documents
is built. The exit code is 1 when anything is not as it must be.
"""

import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.hosts.environments import BOTH, EARLIER, ROOT, SAME, Environment, Wrong, build, command
from tests.hosts.generated import GENERATOR, judge_generated
from tests.hosts.lowest import judge_demo, lowest
from tests.hosts.packages import judge_caller, judge_types, judge_wheels
from tests.hosts.published import INDEX, judge_published
from tests.hosts.shops import MIGRATE, Shop
from tests.hosts.versions import judge_versions
from worker.local.embedded import EmbeddedError, Servers, servers


def main() -> int:
    """Run from the command line; return the exit code."""
    try:
        with servers() as running, tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(
                0o755
            )  # where root runs this, PostgreSQL runs as another user, from an environment in it
            return judge(Path(folder), running)
    except EmbeddedError as error:
        say(str(error))
        return 1


def judge(folder: Path, running: Servers) -> int:
    """Judge all in a folder."""
    client, worker = build(folder / "dist")
    tools = Environment(folder / "tools", "", ("pyright[nodejs]>=1.1.400", "twine>=6"), ())
    by_client = Environment(folder / "client", "client", (*BOTH, *EARLIER), (client,))
    by_worker = Environment(folder / "worker", "worker", (*BOTH, *SAME), (client, worker))
    caller = Environment(folder / "caller", "", (), (client,))
    by_lowest = Environment(folder / "lowest", "", lowest(worker, client), (client, worker))
    generated = Environment(folder / "generated", "", GENERATOR, ())
    publisher = Environment(folder / "publisher", "", INDEX, ())
    chains = [
        partial(judge_hosts, by_client, running, 1),
        partial(judge_hosts, by_worker, running, 5),
        partial(judge_packages, tools, caller, (client, worker)),
        lambda: say(judge_generated(generated, running)),
        lambda: say(judge_demo(by_lowest)),
        lambda: say(judge_published(publisher, (client, worker))),
        judge_site,
    ]
    with ThreadPoolExecutor(2) as pool:  # each of them waits for an index most of the time
        ends = [error for error in pool.map(found, chains) if error]
    last = [partial(judge_types, tools, one) for one in (by_client, by_worker)]
    last.append(partial(say_versions, tools, by_client, client, running))
    ends += [error for error in map(found, last) if error]
    for error in ends:
        say(error)
    return 1 if ends else 0


def found(work: Callable[[], None]) -> str:
    """Return what is wrong; empty: nothing."""
    try:
        work()
    except Wrong as wrong:
        return str(wrong)
    return ""


def judge_hosts(environment: Environment, running: Servers, number: int) -> None:
    """Judge both hosts in one environment: before our wheels, and after."""
    environment.make()
    shops = [
        Shop(name, environment, environment.folder / name, running, number + 2 * index)
        for index, name in enumerate(MIGRATE)
    ]
    befores = []
    for shop in shops:
        shop.copy()
        befores.append(shop.test(""))
    environment.add_wheels()
    for shop, before in zip(shops, befores, strict=True):
        after = shop.test(environment.guest)
        shop.compare(before, after)
        say(f"{shop.name} beside {environment.guest}: {len(after)} lines are the same")


def judge_packages(tools: Environment, caller: Environment, wheels: tuple[Path, Path]) -> None:
    """Judge the wheels, and what a caller of the client gets."""
    tools.make()
    judge_wheels(tools, wheels)
    caller.make()
    caller.add_wheels()
    say(judge_caller(caller))


def judge_site() -> None:
    """Raise Wrong: a link of the documents' site leads nowhere, or a document is not in its menu."""
    command(["make", "site", "ARGS="], cwd=ROOT)
    say("the site has no broken link")


def say_versions(tools: Environment, by_client: Environment, client: Path, running: Servers) -> None:
    """Judge the client in each version of Python that it may have."""
    say(judge_versions(tools, by_client, client, running))


def say(text: str) -> None:
    """Write a line."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
