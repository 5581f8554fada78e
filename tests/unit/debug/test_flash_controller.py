"""The flash controller against the rules of the reference manual."""

from __future__ import annotations

import pytest

from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, BusError
from harness.virtual.board.debug import flash_controller as fc
from harness.virtual.board.debug.flash_controller import FlashController

KEYS = (0x4567_0123, 0xCDEF_89AB)
ROW = bytes(range(16))


class Bytes:
    """Flash as plain bytes."""

    def __init__(self) -> None:
        self.data = bytearray(b"\xff" * FLASH_SIZE)

    def erase_flash_page(self, index: int) -> None:
        self.data[index * 8192:(index + 1) * 8192] = b"\xff" * 8192

    def program_flash(self, address: int, data: bytes) -> None:
        self.data[address - FLASH_BASE:address - FLASH_BASE + len(data)] = data

    def read_flash(self, address: int, size: int) -> bytes:
        return bytes(self.data[address - FLASH_BASE:address - FLASH_BASE + size])


@pytest.fixture
def flash() -> Bytes:
    return Bytes()


@pytest.fixture
def controller(flash: Bytes) -> FlashController:
    """An unlocked one."""
    controller = FlashController(flash)
    for key in KEYS:
        controller.write(fc.NSKEYR, key)
    return controller


def status(controller: FlashController) -> int:
    value = controller.read(fc.NSSR)
    assert value is not None
    return value


def test_it_is_locked_until_both_keys_came_in_order(flash: Bytes) -> None:
    controller = FlashController(flash)
    with pytest.raises(BusError):
        controller.store(FLASH_BASE, ROW)
    controller.write(fc.NSCR, fc.PG)
    assert controller.read(fc.NSCR) == fc.LOCK
    controller.write(fc.NSKEYR, KEYS[1])  # a wrong key keeps it locked until the next reset
    for key in KEYS:
        controller.write(fc.NSKEYR, key)
    assert controller.read(fc.NSCR) == fc.LOCK
    controller.reset()
    for key in KEYS:
        controller.write(fc.NSKEYR, key)
    assert controller.read(fc.NSCR) == 0
    controller.write(fc.NSCR, fc.LOCK)
    assert controller.read(fc.NSCR) == fc.LOCK


def test_four_words_make_a_quad_word(controller: FlashController, flash: Bytes) -> None:
    controller.write(fc.NSCR, fc.PG)
    for at in range(0, 12, 4):
        controller.store(FLASH_BASE + 32 + at, ROW[at:at + 4])
        assert status(controller) == fc.WDW
    assert flash.read_flash(FLASH_BASE + 32, 16) == b"\xff" * 16
    controller.store(FLASH_BASE + 44, ROW[12:])
    assert status(controller) == fc.EOP
    assert flash.read_flash(FLASH_BASE + 32, 16) == ROW


def test_what_was_programmed_must_be_erased_first(controller: FlashController, flash: Bytes) -> None:
    controller.write(fc.NSCR, fc.PG)
    controller.store(FLASH_BASE + 8192, ROW)
    controller.store(FLASH_BASE + 8192, ROW)
    assert status(controller) & fc.PROGERR
    controller.store(FLASH_BASE + 8192, bytes(16))  # an error blocks what follows until it is cleared
    assert status(controller) & fc.PGSERR
    controller.write(fc.NSSR, 0xFFFF)
    controller.store(FLASH_BASE + 8192, bytes(16))  # zeros may overwrite
    assert status(controller) == fc.EOP
    controller.write(fc.NSCR, fc.PER | 1 << 3)
    controller.write(fc.NSCR, fc.PER | 1 << 3 | fc.STRT)
    assert flash.read_flash(FLASH_BASE + 8192, 16) == b"\xff" * 16


@pytest.mark.parametrize(("address", "data", "error"), [
    (FLASH_BASE + 4, ROW, fc.PGAERR), (FLASH_BASE, b"ab", fc.SIZERR), (FLASH_BASE + FLASH_SIZE, ROW, fc.WRPERR)])
def test_wrong_writes(controller: FlashController, flash: Bytes, address: int, data: bytes, error: int) -> None:
    controller.write(fc.NSCR, fc.PG)
    controller.store(address, data)
    assert status(controller) & error
    assert flash.data.count(0xFF) == FLASH_SIZE


def test_without_pg_nothing_is_programmed(controller: FlashController) -> None:
    controller.store(FLASH_BASE, ROW)
    assert status(controller) & fc.PGSERR


def test_the_bank_of_the_application_is_erased_and_no_other(controller: FlashController, flash: Bytes) -> None:
    controller.write(fc.NSCR, fc.PG)
    controller.store(FLASH_BASE, ROW)
    controller.write(fc.NSSR, fc.EOP)
    controller.write(fc.NSCR, fc.MER2 | fc.STRT)
    assert status(controller) & fc.WRPERR
    controller.write(fc.NSSR, fc.WRPERR)
    controller.write(fc.NSCR, fc.MER1 | fc.STRT)
    assert status(controller) == fc.EOP
    assert flash.data.count(0xFF) == FLASH_SIZE
