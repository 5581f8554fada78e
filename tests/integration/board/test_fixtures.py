"""The prebuilt applications on the emulated core."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from harness.clock import NANOSECONDS
from harness.formats.elf import ElfImage
from harness.virtual.board.journal_text import describe

if TYPE_CHECKING:
    from tests.integration.board.conftest import Setup

JITTER = 500_000
"""Nanoseconds that an application may take from its tick to its log call, start-up code included."""


@pytest.mark.parametrize("hclk_hz", [64_000_000, 160_000_000, 4_000_000])
def test_heartbeat_beats_at_whole_seconds(make_setup: Callable[..., Setup], elf: Callable[[str], ElfImage],
                                          hclk_hz: int) -> None:
    setup = make_setup(hclk_hz=hclk_hz)
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("10500ms")
    beats = [(t, text) for t, text in setup.log() if text.startswith("beat")]
    assert [text for _, text in beats] == [f"beat {n}" for n in range(1, 11)]
    jitter = JITTER * max(1, 64_000_000 // hclk_hz)
    assert all(n * NANOSECONDS <= t < n * NANOSECONDS + jitter for n, (t, _) in enumerate(beats, start=1))
    toggles = [entry.t for entry in setup.world.journal.select("pin_changed") if entry.data["pin"] == "PA5"]
    assert {later - earlier for earlier, later in pairwise(toggles)} == {NANOSECONDS}
    assert setup.symbol("beat_count") == 10


def test_heartbeat_toggles_the_led(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    seen: list[tuple[int, int]] = []
    pin = setup.board.pin("PA5")
    pin.watch(lambda level: seen.append((setup.world.now() // NANOSECONDS, level)))
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("4500ms")
    assert seen == [(1, 1), (2, 0), (3, 1), (4, 0)]
    assert pin.changes == 4


def test_heartbeat_is_told_of_the_network(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("5s")
    assert (setup.symbol("network_events"), setup.symbol("network_connected")) == (1, 1)


def test_tasks_are_switched(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("tasks"))
    setup.board.power_on()
    setup.run("2005ms")
    a, b = setup.symbol("task_a_count"), setup.symbol("task_b_count")
    assert abs(a - 200) <= 1
    assert abs(b - 400) <= 1
    assert setup.symbol("preemptions") >= 2
    assert setup.symbol("corruptions") == 0


@pytest.mark.parametrize("name", ["heartbeat", "tasks"])
def test_equal_runs_have_equal_journals(make_setup: Callable[..., Setup], elf: Callable[[str], ElfImage],
                                        name: str) -> None:
    digests = []
    for slices in (["1500ms"], ["1500ms"], ["300ms"] * 5):
        setup = make_setup(seed=7)
        setup.board.install(elf(name))
        setup.board.power_on()
        for span in slices:
            setup.run(span)
        digests.append(setup.world.journal.digest())
    assert digests[0] == digests[1] == digests[2]


def test_the_journal_reads_aloud(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("2500ms")
    told = [told for entry in setup.world.journal if (told := describe(entry)) is not None]
    assert ("log", "beat 1") in told
    assert ("pin", "PA5=1") in told
    assert any(source == "kernel" and text.startswith("network connected") for source, text in told)


def test_two_boards_share_a_world(make_setup: Callable[..., Setup], elf: Callable[[str], ElfImage]) -> None:
    from harness.virtual.board.board import Board

    setup = make_setup()
    other = Board(setup.world, None, name="other", device_sid="UV" + "f" * 32)
    try:
        for board in (setup.board, other):
            board.install(elf("tasks"))
            board.power_on()
        setup.run("500ms")
        texts = {name: [entry.data["text"] for entry in setup.world.journal.select("log_written", device=name)]
                 for name in ("board", "other")}
        assert texts["board"] == texts["other"] != []
    finally:
        other.close()


def test_power_off_and_on_starts_over(setup: Setup, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    setup.run("2500ms")
    setup.board.power_off()
    setup.run("1h")
    assert len([text for _, text in setup.log() if text.startswith("beat")]) == 2
    setup.board.power_on()
    setup.run("1500ms")
    assert setup.symbol("beat_count") == 1
    assert setup.log()[-1][1] == "beat 1"
