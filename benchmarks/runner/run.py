"""Run what measures: each module in a process of its own, a bar on the terminal, and nothing that outlives it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from runner.figures import Figure

BENCHMARKS = Path(__file__).parents[1]
ENDING = 60.0  # seconds that a measurement may take to stop its servers
Pairs = list[dict[str, float]]


class Run:
    """Measure figures: what runs when it is broken off is ended, with all that it has started."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._processes: list[subprocess.Popen[str]] = []

    def results(self, chosen: Sequence[Figure]) -> Iterator[dict[str, Any]]:
        """Yield each figure's ratio of all of its pairs; none for what could not be measured."""
        for module, pairs in self._pairs(chosen):
            for one in chosen:
                ratios = [pair[one.name] for pair in pairs if one.name in pair]
                if one.module == module and ratios:
                    yield result(one, ratios)

    def _pairs(self, chosen: Sequence[Figure]) -> Iterator[tuple[str, Pairs]]:
        """Measure one module after the other; those that mostly wait, side by side."""
        alone = list(dict.fromkeys(one.module for one in chosen if not one.waits))
        waiting = list(dict.fromkeys(one.module for one in chosen if one.waits))
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=self._console) as bar, ThreadPoolExecutor(max(1, len(waiting))) as pool:
            task = bar.add_task("", total=len(alone) + len(waiting))
            try:
                for module in alone:
                    bar.update(task, description=module)
                    yield module, self._measure(module)
                    bar.advance(task)
                bar.update(task, description=", ".join(waiting))
                for module, pairs in zip(waiting, pool.map(self._measure, waiting), strict=True):
                    yield module, pairs
                    bar.advance(task)
            finally:
                self._end()

    def _measure(self, module: str) -> Pairs:
        """Measure in a process of its own: what one run has wired or warmed must not help the next."""
        begun = time.monotonic()
        command = [sys.executable, "-m", "runner.measure", module]
        process = subprocess.Popen(
            command, cwd=BENCHMARKS, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
        )
        self._processes.append(process)
        assert process.stdout is not None  # noqa: S101 - for mypy: a pipe was asked for
        pairs: Pairs = []
        for line in process.stdout:
            if line.startswith('{"'):
                pairs.append(json.loads(line))
                line = "  " + "  ".join(f"{name} {ratio:.3f}" for name, ratio in pairs[-1].items())  # noqa: PLW2901
            self._console.print(line.rstrip(), markup=False)
        ended = "" if process.wait() == 0 else f", and ended with {process.returncode}"
        self._console.print(f"{module}: {len(pairs)} pairs in {time.monotonic() - begun:.0f} s{ended}", markup=False)
        return pairs

    def _end(self) -> None:
        """End what still runs, by the signal of Ctrl-C: a terminal does not reach them, each in a group of its own."""
        running = [process for process in self._processes if process.poll() is None]
        for process in running:
            os.killpg(process.pid, signal.SIGINT)
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(ENDING)
            with contextlib.suppress(ProcessLookupError):  # nothing of its group is left
                os.killpg(process.pid, signal.SIGKILL)


def result(figure: Figure, ratios: Sequence[float]) -> dict[str, Any]:
    """Return a figure as benchmarks/latest.json has it."""
    figures = {"ratio": median(ratios), "low": min(ratios), "high": max(ratios)}
    rounded = {name: round(ratio, 4) for name, ratio in figures.items()}
    return {"name": figure.name, **rounded, "better": figure.better, "must": figure.must, "aim": figure.aim}
