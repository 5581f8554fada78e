"""Calls by their addresses, on both cores: the window of 2021, and the veneer that sleeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.formats.bundle import Bundle
from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.uplink import LogLine

if TYPE_CHECKING:
    from tests.integration.board.conftest import Program, Setup

COUNTER, STATUS, OUT = RAM_BASE + 0x100, RAM_BASE + 0x104, RAM_BASE + 0x110
OLD, NEW = 0x0C1F_D800, 0x0C1F_E000


@pytest.fixture(params=["c", "python"])
def setup(request: pytest.FixtureRequest, make_setup: Callable[..., Setup]) -> Setup:
    return make_setup(core=request.param, hclk_hz=8_000_000)


def boot(setup: Setup, bundle: Bundle) -> None:
    setup.board.install(bundle)
    setup.board.power_on()


def word(setup: Setup, address: int) -> int:
    return int.from_bytes(setup.board.core.read_memory(address, 4), "little")


def test_calls_in_the_window_of_2021(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = program().call(OLD + 0x08, OUT).keep_status(STATUS)  # mvGetSysClk
    main.call(OLD + 0x50, OUT + 16, 34).keep_status(STATUS + 4)  # mvGetDeviceId
    main.call(OLD + 0x100, 0, OUT, 4, OUT).keep_status(STATUS + 8)  # mvWriteChannelStream
    boot(setup, link(main.sleep_for_ever()))
    setup.run("1ms")
    assert word(setup, OUT) == 8_000_000
    assert setup.board.core.read_memory(OUT + 16, 34) == setup.board.device_sid.encode()
    assert [word(setup, STATUS + offset) for offset in (0, 4, 8)] == [0, 0, MvStatus.INVALIDHANDLE]


@pytest.mark.parametrize("address", [OLD + 0x30, NEW + 20 * 8])
def test_the_temporary_server_log_needs_no_buffer(setup: Setup, program: type[Program], link: Callable[..., Bundle],
                                                  address: int) -> None:
    main = program().store(OUT, 0x6F6C6568).store(OUT + 4, 0x216F)  # "helo" and "o!"
    main.call(address, OUT, 6).keep_status(STATUS).call(address, 0x4000_0000, 6).keep_status(STATUS + 4)
    boot(setup, link(main.sleep_for_ever()))
    setup.run("3s")
    assert [line.text for line in setup.cloud.of(LogLine)] == [b"heloo!"]
    assert (word(setup, STATUS), word(setup, STATUS + 4)) == (MvStatus.OKAY, MvStatus.PARAMETERFAULT)


def test_between_the_windows_there_is_no_code(setup: Setup, program: type[Program],
                                              link: Callable[..., Bundle]) -> None:
    boot(setup, link(program().call(OLD - 8).sleep_for_ever()))
    setup.run("1ms")
    crash, = setup.world.journal.select("application_crashed")
    assert str(crash.data["text"]).endswith("undefined instruction")


def test_sleep_mode_waits_for_an_interrupt_with_the_clocks_on(setup: Setup, program: type[Program],
                                                              link: Callable[..., Bundle]) -> None:
    """SysTick runs on, so the sleep ends by it: the loop goes round once in each of its periods."""
    tick = program().put(program.BX_LR)
    main = program().store(0xE000_E014, 8_000_000 // 100 - 1).store(0xE000_E018, 0).store(0xE000_E010, 7)
    body = program().call(NEW + 58 * 8, 0).keep_status(STATUS).increment(COUNTER)
    back = -(len(body.code) + 2) & 0x7FF
    main.put(*body.code, 0xE000 | back)
    boot(setup, link(main, {-1: tick}))
    setup.run("505ms")
    assert word(setup, STATUS) == MvStatus.OKAY
    assert word(setup, COUNTER) == 50
    setup.run("2s")  # the network is up by now
    assert word(setup, STATUS) == MvStatus.MICROVISORBUSY


def test_a_refused_sleep_goes_on_at_once(setup: Setup, program: type[Program], link: Callable[..., Bundle]) -> None:
    main = program().call(NEW + 58 * 8, 9).keep_status(STATUS).increment(COUNTER).sleep_for_ever()
    boot(setup, link(main))
    setup.run("1ms")
    assert (word(setup, STATUS), word(setup, COUNTER)) == (MvStatus.PARAMETERFAULT, 1)
    assert FLASH_BASE < setup.board.core.read_register(15) < FLASH_BASE + 0x1000
