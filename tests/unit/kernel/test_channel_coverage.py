"""Each status that the header lists for a channel call is reached by a test, or it is written down why none can."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from harness.virtual.board.kernel.abi import BY_NAME

FILES = ("test_channels", "test_http_channel", "test_config_channel", "test_mqtt_channel")
CALLS = sorted(name for name in BY_NAME if "Channel" in name or "Http" in name or "ConfigFetch" in name
               or "ConfigResponse" in name or "Mqtt" in name)


@pytest.fixture(scope="module")
def tables() -> tuple[dict[str, set[str]], dict[tuple[str, str], str]]:
    covered: dict[str, set[str]] = {}
    unreachable: dict[tuple[str, str], str] = {}
    for name in FILES:
        module = runpy.run_path(str(Path(__file__).with_name(f"{name}.py")))
        covered.update({call: set(statuses.split()) for call, statuses in module["COVERED"].items()})
        unreachable.update(module.get("UNREACHABLE", {}))
    return covered, unreachable


def test_there_are_twenty_eight_of_them(tables: tuple[dict[str, set[str]], object]) -> None:
    assert sorted(tables[0]) == CALLS
    assert len(CALLS) == 28


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_says_it_covers_it_reaches(name: str, tmp_path: Path) -> None:
    """The file's tests are run once more, and every call they make is written down with its status."""
    file, record = Path(__file__).with_name(f"{name}.py"), tmp_path / "calls"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(file)],
        cwd=file.parents[3], env={**os.environ, "MVH_TEST_RECORD_CALLS": str(record)}, capture_output=True, text=True,
        timeout=300, check=False)
    assert run.returncode == 0, run.stdout[-2000:]
    reached = set(record.read_text().splitlines())
    claimed = {f"{call} {status}" for call, statuses in runpy.run_path(str(file))["COVERED"].items()
               for status in statuses.split()}
    assert claimed - reached == set()


@pytest.mark.parametrize("call", CALLS)
def test_every_status_is_accounted_for(tables: tuple[dict[str, set[str]], dict[tuple[str, str], str]],
                                       call: str) -> None:
    covered, unreachable = tables
    listed = {status.name for status in BY_NAME[call].statuses}
    excused = {status for name, status in unreachable if name == call}
    assert listed <= covered[call] | excused
    assert not covered[call] & excused
