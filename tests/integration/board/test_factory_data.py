"""What the maker of the chip wrote: read by applications, written by none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.formats.bundle import Bundle
from harness.virtual.board.core import CoreChoice
from harness.virtual.board.core.interface import FACTORY_BASE, RAM_BASE
from harness.virtual.board.factory_data import FLASH_SIZE_KB, TS_CAL1, UID, VREFINT_CAL, factory_data
from harness.virtual.board.parts import AppState
from tests.integration.board.conftest import Program, Setup, _mov32

OUT = RAM_BASE + 0x100


@pytest.mark.parametrize("core", ["python", "c"])
def test_an_application_reads_its_unique_id(core: CoreChoice, make_setup: Callable[..., Setup],
                                            link: Callable[..., Bundle]) -> None:
    setup = make_setup(core=core)
    program = Program()
    for index, address in enumerate((UID, UID + 4, UID + 8)):
        program.load(address).put(*_mov32(0, OUT + 4 * index), 0x6001)  # str r1, [r0]
    setup.board.install(link(program.sleep_for_ever()))
    setup.board.power_on()
    setup.run("1ms")
    uid = setup.board.core.read_memory(OUT, 12)
    assert uid == factory_data(setup.board.device_sid)[0x700:0x70C] == setup.board.core.read_memory(UID, 12)
    assert len(set(uid)) > 1


@pytest.mark.parametrize("core", ["python", "c"])
def test_nobody_writes_it(core: CoreChoice, make_setup: Callable[..., Setup], link: Callable[..., Bundle]) -> None:
    setup = make_setup(core=core)
    before = setup.board.core.read_memory(FACTORY_BASE, 0x1000)
    setup.board.install(link(Program().store(UID, 0).sleep_for_ever()))
    setup.board.power_on()
    setup.run("1ms")
    assert setup.board.app_state is AppState.CRASHED
    assert setup.board.core.read_memory(FACTORY_BASE, 0x1000) == before


def test_calibration_and_converter_agree() -> None:
    page = factory_data("UV" + "0" * 32)

    def half(address: int) -> int:
        return int.from_bytes(page[address - FACTORY_BASE:address - FACTORY_BASE + 2], "little")

    assert half(FLASH_SIZE_KB) == 2048
    assert half(TS_CAL1) / 0x3FFF * 3.0 == pytest.approx(0.752, abs=1e-3)
    assert half(VREFINT_CAL) / 0x3FFF * 3.0 == pytest.approx(1.215, abs=1e-3)


def test_boards_differ() -> None:
    assert factory_data("UV" + "0" * 32) != factory_data("UV" + "1" * 32)
