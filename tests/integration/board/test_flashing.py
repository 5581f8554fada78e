"""pyOCD programs the virtual board as it does a real one, and what it programmed runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.drivers.board import Board as NearEnd
from harness.errors import BoardError
from harness.firmware import fixture
from harness.formats.elf import ElfImage
from harness.virtual.board.core.interface import FLASH_BASE
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.board.parts import AppState

if TYPE_CHECKING:
    from tests.integration.board.conftest import Setup

HEARTBEAT = fixture("heartbeat").elf


@pytest.fixture(params=["c", "python"])
def setup(request: pytest.FixtureRequest, make_setup: Callable[..., Setup]) -> Setup:
    return make_setup(core=request.param, hclk_hz=4_000_000)


@pytest.fixture
def uid(setup: Setup) -> str:
    port = setup.board.debug = DebugPort(setup.board, setup.world)
    return registry.register(port)


def program(near: NearEnd, path: Path) -> None:
    from pyocd.flash.file_programmer import FileProgrammer

    FileProgrammer(near.session, progress=lambda amount: None, no_reset=True).program(str(path), file_format="elf")


def test_an_elf_file_is_programmed_into_a_blank_board_and_runs(setup: Setup, uid: str) -> None:
    setup.board.power_on()
    assert setup.board.app_state is AppState.NONE
    with NearEnd(uid, setup.world.clock, setup.world.journal, "board") as near:
        program(near, HEARTBEAT)
        image = ElfImage.read(HEARTBEAT.read_bytes())
        assert near.read_memory(FLASH_BASE, len(image.rom())) == image.rom()
        near.reset()
    setup.run("2500ms")
    assert [text for _, text in setup.log() if text.startswith("beat")] == ["beat 1", "beat 2"]
    setup.board.power_off()
    setup.board.power_on()
    setup.run("1500ms")
    assert [text for _, text in setup.log()][-1] == "beat 1"


def test_what_was_there_is_replaced(setup: Setup, uid: str, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("tasks"))
    setup.board.power_on()
    setup.run("100ms")
    with NearEnd(uid, setup.world.clock, setup.world.journal, "board") as near:
        program(near, HEARTBEAT)
        near.reset()
    setup.run("1500ms")
    assert [text for _, text in setup.log()][-1] == "beat 1"


def test_flash_is_still_no_memory_to_write(setup: Setup, uid: str, elf: Callable[[str], ElfImage]) -> None:
    setup.board.install(elf("heartbeat"))
    setup.board.power_on()
    with NearEnd(uid, setup.world.clock, setup.world.journal, "board") as near:
        program(near, HEARTBEAT)
        with pytest.raises(BoardError):
            near.write_memory(FLASH_BASE, b"\x00" * 16)
