"""What `make bench` measures is named, complete and drawn; it is never run here: no test measures time."""

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
PERFORMANCE = BENCHMARKS.parent / "docs" / "performance.md"
# Every figure of speed, with what it must be and what we want it to be.
SPEED = {
    "throughput": (0.95, 1.0),
    "throughput_32": (0.95, 1.0),
    "throughput_8": (0.85, 1.0),
    "throughput_bare": (1.15, 1.4),
    "throughput_bare_8": (0.95, 1.1),
    "throughput_instant": (0.95, 1.1),
    "worker_cpu": (1.0, 0.75),
    "bad_day_errors": (3.0, 1.5),
    "bad_day_event_type": (3.0, 1.5),
    "half_fails_p50": (2.0, 1.6),
    "half_fails_p95": (4.8, 4.0),
    "guarded_call": (1.7, 1.45),
    "enqueue_bulk": (2.0, 2.5),
    "enqueue_one": (1.3, 1.15),
    "drain": (0.85, 0.95),
    "worker_rss": (1.1, 1.02),
    "big_tables": (1.5, 1.1),
    "idle_latency": (1.9, 1.5),
    "idle_cost": (1.0, 0.5),
    "import_cost": (1.5, 1.2),
    "client_latency": (1.3, 1.15),
    "client_async": (0.9, 1.0),
    "client_import": (1.25, 1.15),
    "show_seconds": (1.0, 0.75),
    "status_seconds": (1.0, 0.9),
    "client_packages": (1.0, 1.0),
    "client_size": (1.0, 0.8),
    "accounts_throughput": (0.9, 0.97),
    "accounts_enqueue_one": (1.06, 1.02),
    "accounts_guarded_call": (1.06, 1.02),
    "accounts_rss": (1.2, 1.13),
    "accounts_flood": (1.5, 1.1),
    "accounts_messages": (1.0, 0.4),
    "accounts_slow": (1.5, 1.1),
    "accounts_beat": (2.0, 1.3),
    "accounts_added": (1.0, 0.7),
    "accounts_drain": (0.85, 0.95),
}


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a module of the runner as `python benchmarks` does, and forget it afterwards."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)

    def load(name: str) -> ModuleType:
        return importlib.import_module(f"runner.{name}")

    yield load
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "runner":
            del sys.modules[name]


def test_every_figure_of_speed_has_its_must_and_its_aim(runner: Any) -> None:
    """No must is moved where a figure does not reach it."""
    figures = {one.name: (one.must, one.aim) for one in runner("figures").FIGURES}

    assert {name: figures.get(name) for name in SPEED} == SPEED


def test_a_figure_has_one_name_and_a_module_that_measures_it(runner: Any) -> None:
    """The module is there and yields pairs under that name."""
    figures = runner("figures").FIGURES

    assert len({one.name for one in figures}) == len(figures) >= 30
    for one in figures:
        source = (BENCHMARKS / f"{one.module.replace('.', '/')}.py").read_text("utf-8")
        assert "\ndef pairs() -> Iterator[dict[str, float]]:" in source, one.name
        assert f'"{one.name}"' in source, one.name


def test_an_aim_is_better_than_a_must(runner: Any) -> None:
    """Which way a figure is better is not mixed up."""
    assert [one.name for one in runner("figures").FIGURES if not one.is_kept(one.aim)] == []


def test_the_document_has_the_musts_of_the_runner_and_says_what_is_missed(runner: Any) -> None:
    """Of each row of docs/performance.md: must, aim, and whether a ratio before its range is what it must be."""
    figures = {one.name: one for one in runner("figures").FIGURES}
    rows = re.findall(r"^\| `(\w+)`: (.*) \|$", PERFORMANCE.read_text("utf-8"), re.MULTILINE)

    assert len(rows) >= 40
    for name, row in rows:
        figure = figures[name]
        _, ratios, must, aim, verdict = row.split(" | ")
        kept = all(figure.is_kept(float(one)) for one in re.findall(r"\d+(?:\.\d+)?", ratios.partition("(")[0]))
        assert (name, float(must), float(aim)) == (name, figure.must, figure.aim)
        assert (name, "**missed**" in verdict) == (name, not kept)


def test_a_ratio_is_the_median_of_its_pairs(runner: Any) -> None:
    """With its range, and with what benchmarks/latest.json says of each."""
    figure = next(one for one in runner("figures").FIGURES if one.name == "throughput")

    found = runner("run").result(figure, [0.5, 0.9, 0.6])

    assert found == {
        "name": "throughput", "ratio": 0.6, "low": 0.5, "high": 0.9, "better": "higher", "must": 0.95, "aim": 1.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", '"""Docstring."""\n\n# Comment\nx = 1\n'),
        ("a.sql", "-- comment\n\nSELECT 1;\n"),
        ("a.lua", "-- comment\n\nreturn 1\n"),
        ("a.js", "// comment\n\n/**\n * More.\n */\nlet x = '/* text */'; // why\n"),
    ],
)
def test_a_line_of_code_is_counted_in_each_language(monkeypatch: pytest.MonkeyPatch, path: str, text: str) -> None:
    """No blank line, comment or docstring; and no file that others wrote."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    lines_of_code = importlib.import_module("lines_of_code")

    assert lines_of_code.lines(path, text) == 1
    assert lines_of_code.counts(f"worker/{path}")
    assert not lines_of_code.counts(f"worker/page/static/vendor/uplot/{path}")


@pytest.mark.parametrize(("better", "kept", "missed"), [("higher", 0.6, 0.5), ("lower", 0.5, 0.6)])
def test_the_picture_shows_what_is_missed(runner: Any, better: str, kept: float, missed: float) -> None:
    """One bar a figure, right of the line and in another colour when it is missed."""
    draw = runner("draw")
    figures = [
        {"name": name, "ratio": ratio, "low": ratio, "high": ratio, "better": better, "must": 0.55, "aim": 0.55}
        for name, ratio in (("kept", kept), ("missed & more", missed))
    ]
    report = {"host": {"cores": 2, "machine": "m"}, "versions": {"python": "3"}, "figures": figures}

    picture = ET.fromstring(draw.draw(report))  # noqa: S314 - our own text

    bars = [one for one in picture.iter() if one.tag.endswith("rect")][1:]
    assert [bar.get("fill") for bar in bars] == [draw.KEPT, draw.MISSED]
    assert float(bars[0].get("width") or 0) < float(bars[1].get("width") or 0)
