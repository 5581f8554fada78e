"""Each status that the header lists for a channel call is reached by a test, or it is written down why none can."""

from __future__ import annotations

import runpy
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


@pytest.mark.parametrize("call", CALLS)
def test_every_status_is_accounted_for(tables: tuple[dict[str, set[str]], dict[tuple[str, str], str]],
                                       call: str) -> None:
    covered, unreachable = tables
    listed = {status.name for status in BY_NAME[call].statuses}
    excused = {status for name, status in unreachable if name == call}
    assert listed <= covered[call] | excused
    assert not covered[call] & excused
