"""Deploying over the uplink to a board that runs real machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.formats.bundle import Bundle
from harness.formats.elf import ElfImage
from harness.virtual.uplink import AppReported, Hello, LogLine, UpdateFailed

if TYPE_CHECKING:
    from tests.integration.board.conftest import Setup

HEARTBEAT, TASKS = "KA" + "a" * 32, "KA" + "b" * 32


@pytest.mark.parametrize("first", [None, "tasks"])
def test_a_bundle_is_installed_and_runs(setup: Setup, elf: Callable[[str], ElfImage],
                                        bundle: Callable[[str], Bundle], first: str | None) -> None:
    if first is not None:
        setup.board.install(elf(first), TASKS)
    setup.board.power_on()
    setup.run("3s")
    assert setup.cloud.of(Hello) == [Hello(app_sid=TASKS if first else None, wake_reason=0)]
    setup.cloud.deploy(HEARTBEAT, bundle("heartbeat"))
    setup.run("8s")
    assert setup.cloud.of(AppReported) == [AppReported(app_sid=HEARTBEAT)]
    lines = [line.text.decode() for line in setup.cloud.of(LogLine)]
    assert lines[lines.index("INSTALLING_APP"):][:3] == ["INSTALLING_APP", "STARTING_NEW_APP", "COMPLETE"]
    assert lines.index("COMPLETE") < lines.index("beat 1") < lines.index("beat 3")
    assert setup.board.pin("PA5").changes >= 3


def test_a_corrupted_layer_fails_and_the_old_application_keeps_running(
        setup: Setup, elf: Callable[[str], ElfImage], bundle: Callable[[str], Bundle]) -> None:
    setup.board.install(elf("heartbeat"), HEARTBEAT)
    setup.board.power_on()
    setup.run("3s")
    setup.cloud.corrupt = True
    setup.cloud.deploy(TASKS, bundle("tasks"))
    setup.run("5500ms")
    failure, = setup.cloud.of(UpdateFailed)
    assert (failure.app_sid, failure.code) == (TASKS, 5)
    assert "SHA-256" in failure.reason
    assert setup.symbol("beat_count") == 8
    assert setup.cloud.of(AppReported) == []


def test_logs_reach_the_cloud_with_the_kernels_time(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("4500ms")
    beats = [line for line in setup.cloud.of(LogLine) if line.text.startswith(b"beat")]
    assert [line.text for line in beats] == [b"beat 1", b"beat 2", b"beat 3", b"beat 4"]
    assert [line.microseconds // 1_000_000 for line in beats] == [1, 2, 3, 4]
