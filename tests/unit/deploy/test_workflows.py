"""The workflows run what the Makefile has, by actions that nobody can move, and sign a release before it is sent."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(path.name for path in FOLDER.glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
SIGNING = {"contents": "read", "id-token": "write", "attestations": "write"}


def jobs(name: str) -> dict[str, Any]:
    """Return the jobs of a workflow."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))["jobs"]
    return found


def steps(name: str) -> list[dict[str, Any]]:
    """Return the steps of all jobs of a workflow."""
    return [step for job in jobs(name).values() for step in job.get("steps", ())]


def place_of(words: str) -> int:
    """Return which step of a release runs or uses this."""
    [place] = [n for n, step in enumerate(steps("release.yml")) if words in step.get("run", step.get("uses", ""))]
    return place


def test_both_are_there() -> None:
    """What a change runs, and what a tag runs."""
    assert WORKFLOWS == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_action_is_a_commit_and_says_which_version(name: str) -> None:
    """A tag can be moved to other code."""
    used = re.findall(r"uses: (.*)", (FOLDER / name).read_text("utf-8"))
    assert used
    pinned = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [one for one in used if not one.startswith("./.github/") and not pinned.fullmatch(one)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_each_command_is_one_of_ours(name: str) -> None:
    """Each target is the Makefile's, with variables that its recipe reads."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for command in (line for step in steps(name) for line in step.get("run", "").splitlines()):
        if command.startswith("make "):
            _, target, *variables = command.split()
            assert target in TARGETS
            assert all(f"$({one.partition('=')[0]})" in makefile for one in variables)
        elif command.startswith("."):
            assert (ROOT / command).is_file()


def test_what_lands_and_what_is_released_has_passed_all() -> None:
    """By the same script as on any machine."""
    assert steps("ci.yml")[-1] == {"run": ".ci/run"}
    assert jobs("release.yml")["ci"] == {"uses": "./.github/workflows/ci.yml"}
    assert jobs("release.yml")["release"].get("needs") == "ci"


def test_a_release_is_signed_as_it_has_booked_before_it_is_sent() -> None:
    """The subjects are the files whose checksums `make release` writes last."""
    assert place_of("make release") < place_of("attest-build-provenance") < place_of("make publish")
    signed = steps("release.yml")[place_of("attest-build-provenance")]["with"]
    assert signed == {"subject-checksums": "dist/${{ github.ref_name }}/SHA256SUMS"}
    assert 'SUMS = "SHA256SUMS"\n' in (ROOT / "deploy" / "release.py").read_text("utf-8")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_only_who_signs_may_sign_and_only_who_sends_has_the_login(name: str) -> None:
    """Whatever a test or a package does, it can read the repository, and no more."""
    assert yaml.safe_load((FOLDER / name).read_text("utf-8"))["permissions"] == {"contents": "read"}
    for job in jobs(name).values():
        signs = any("attest-build-provenance" in step.get("uses", "") for step in job.get("steps", ()))
        assert job.get("permissions", {"contents": "read"}) == (SIGNING if signs else {"contents": "read"})
        assert "secrets" not in str({key: value for key, value in job.items() if key != "steps"})
    having = [step["run"] for step in steps(name) if "secrets." in str(step)]
    assert having == (['make publish INDEX="$PACKAGE_INDEX" ARGS=--yes'] if name == "release.yml" else [])
