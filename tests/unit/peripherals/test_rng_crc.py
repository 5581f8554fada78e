"""Random words and checks."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.virtual.board.peripherals.rng import CONDRST, DRDY, IE, RNGEN, SECS, SEIS

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip


def enable(chip: Chip, flags: int = 0) -> None:
    """HAL_RNG_Init."""
    chip.write("RNG", "CR", CONDRST | 0x00F0_0D00)
    chip.write("RNG", "CR", 0x00F0_0D00)
    assert not chip.read("RNG", "CR") & CONDRST
    chip.write("RNG", "CR", RNGEN | flags | 0x00F0_0D00)


def test_words_come_in_time_and_are_those_of_the_seed(new_chip: Callable[[], Chip]) -> None:
    runs = []
    for _ in range(2):
        chip = new_chip()
        enable(chip)
        assert chip.read("RNG", "SR") == 0
        words = []
        for _ in range(10):
            chip.wait("RNG", "SR", DRDY)
            words.append(chip.read("RNG", "DR"))
        runs.append(words)
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 10
    assert chip.read("RNG", "CR") == RNGEN | 0x00F0_0D00


def test_an_interrupt_says_that_a_word_is_there(chip: Chip) -> None:
    enable(chip, IE)
    chip.run(500)
    assert chip.raised == [94]
    for _ in range(4):
        chip.read("RNG", "DR")
    assert not chip.lines[94]


def test_a_failed_seed_is_recovered_from(chip: Chip) -> None:
    enable(chip, IE)
    chip.soc.rng.fail_seed()
    assert chip.read("RNG", "SR") == SECS | SEIS
    assert chip.raised == [94]
    chip.run(10_000)
    assert chip.read("RNG", "DR") == 0
    chip.write("RNG", "CR", CONDRST | RNGEN | IE)  # RNG_RecoverSeedError
    chip.write("RNG", "CR", RNGEN | IE)
    chip.write("RNG", "SR", 0)
    chip.wait("RNG", "SR", DRDY)


def feed(chip: Chip, data: bytes, *, cr: int, pol: int | None = None, init: int | None = None) -> int:
    if pol is not None:
        chip.write("CRC", "POL", pol)
    if init is not None:
        chip.write("CRC", "INIT", init)
    chip.write("CRC", "CR", cr | 1)
    for byte in data:
        chip.write("CRC", "DR", byte, 1)
    return chip.read("CRC", "DR")


BYTE_REVERSED, OUT_REVERSED, SIZE_16, SIZE_8, SIZE_7 = 1 << 5, 1 << 7, 1 << 3, 2 << 3, 3 << 3


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_the_crc_of_zip_files(new_chip: Callable[[], Chip], data: bytes) -> None:
    chip = new_chip()
    assert feed(chip, data, cr=BYTE_REVERSED | OUT_REVERSED) ^ 0xFFFF_FFFF == zlib.crc32(data)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_the_crc_of_xmodem(new_chip: Callable[[], Chip], data: bytes) -> None:
    assert feed(new_chip(), data, cr=SIZE_16, pol=0x1021, init=0) == binascii.crc_hqx(data, 0)


@pytest.mark.parametrize(("cr", "pol", "init", "check"), [
    (0, 0x04C1_1DB7, 0xFFFF_FFFF, 0x0376_E6E7),            # CRC-32/MPEG-2
    (SIZE_16, 0x1021, 0xFFFF, 0x29B1),                     # CRC-16/IBM-3740
    (SIZE_16 | BYTE_REVERSED | OUT_REVERSED, 0x8005, 0xFFFF, 0x4B37),  # CRC-16/MODBUS
    (SIZE_8, 0x07, 0, 0xF4),                               # CRC-8/SMBUS
    (SIZE_7, 0x09, 0, 0x75),                               # CRC-7/MMC
])
def test_checks_of_the_catalogue(chip: Chip, cr: int, pol: int, init: int, check: int) -> None:
    assert feed(chip, b"123456789", cr=cr, pol=pol, init=init) == check


def test_words_and_halfwords(chip: Chip) -> None:
    chip.write("CRC", "CR", 1)
    chip.write("CRC", "DR", 0x3132_3334)
    chip.write("CRC", "DR", 0x3536, 2)
    words = chip.read("CRC", "DR")
    assert feed(chip, b"123456", cr=0) == words
    chip.write("CRC", "IDR", 0xDEAD_BEEF)
    assert chip.read("CRC", "IDR") == 0xDEAD_BEEF
    assert chip.read("CRC", "CR") & 1 == 0


@pytest.mark.parametrize(("reverse", "result"), [(0, 0x1234_5678), (1, 0x482C_6A1E), (2, 0x2C48_1E6A),
                                                 (3, 0x1E6A_2C48)])
def test_input_is_reversed_in_groups(chip: Chip, reverse: int, result: int) -> None:
    chip.write("CRC", "CR", reverse << 5 | 1)
    chip.write("CRC", "DR", 0x1234_5678)
    found = chip.read("CRC", "DR")
    chip.write("CRC", "CR", 1)
    chip.write("CRC", "DR", result)
    assert chip.read("CRC", "DR") == found
