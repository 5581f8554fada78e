"""Ports, pins and the edges that EXTI makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

OUTPUT_PA5 = 0xABFF_F7FF
INPUT_PC13 = 0xF3FF_FFFF


def test_reset_values(chip: Chip) -> None:
    assert chip.read("GPIOA", "MODER") == 0xABFF_FFFF
    assert chip.read("GPIOB", "MODER") == 0xFFFF_FEBF
    assert chip.read("GPIOC", "MODER") == 0xFFFF_FFFF
    assert chip.facts == []


def test_outputs_follow_odr_bsrr_and_brr(chip: Chip) -> None:
    pin, seen = chip.soc.pin("PA5"), list[int]()
    stop = pin.watch(seen.append)
    chip.write("GPIOA", "MODER", OUTPUT_PA5)
    chip.write("GPIOA", "BSRR", 1 << 5)
    assert (pin.level, chip.read("GPIOA", "ODR"), chip.read("GPIOA", "IDR") & 0x20) == (1, 0x20, 0x20)
    chip.write("GPIOA", "BSRR", 1 << 21)
    chip.write("GPIOA", "BSRR", 1 << 5 | 1 << 21)  # set wins
    chip.write("GPIOA", "BRR", 1 << 5)
    chip.write("GPIOA", "ODR", 0x20, size=2)
    assert seen == [1, 0, 1, 0, 1]
    assert chip.of("pin_changed")[0] == {"pin": "PA5", "level": 1, "by": "app"}
    assert chip.posts == 5
    stop()
    chip.write("GPIOA", "BRR", 1 << 5)
    assert (seen[-1], chip.posts, pin.changes) == (1, 5, 6)


def test_a_byte_written_to_bsrr_sets_only_those_pins(chip: Chip) -> None:
    chip.write("GPIOA", "ODR", 0x8000)
    chip.soc.bus.write(chip.address("GPIOA", "BSRR"), 1, 0x20)
    assert chip.read("GPIOA", "ODR") == 0x8020


def test_nothing_is_told_while_an_output_keeps_its_level(chip: Chip) -> None:
    chip.write("GPIOA", "MODER", OUTPUT_PA5)
    chip.write("GPIOA", "BRR", 1 << 5)
    assert chip.of("pin_changed") == []


def test_inputs_read_what_drives_them_or_their_pull(chip: Chip) -> None:
    chip.write("GPIOC", "MODER", INPUT_PC13)
    pin = chip.soc.pin("PC13")
    assert chip.read("GPIOC", "IDR") == 0
    chip.write("GPIOC", "PUPDR", 1 << 26)
    assert chip.read("GPIOC", "IDR") == 1 << 13
    pin.drive(0)
    assert chip.read("GPIOC", "IDR") == 0
    pin.drive(None)
    assert chip.read("GPIOC", "IDR") == 1 << 13
    assert [fact["by"] for fact in chip.of("pin_changed")] == ["app", "test", "test"]
    with pytest.raises(UsageError):
        pin.drive(2)


def test_open_drain_lets_go_when_high(chip: Chip) -> None:
    chip.write("GPIOA", "MODER", OUTPUT_PA5)
    chip.write("GPIOA", "OTYPER", 1 << 5)
    chip.write("GPIOA", "PUPDR", 1 << 10)
    pin = chip.soc.pin("PA5")
    pin.drive(0)
    chip.write("GPIOA", "BSRR", 1 << 5)
    assert pin.level == 0
    pin.drive(None)
    assert pin.level == 1
    chip.write("GPIOA", "BSRR", 1 << 21)
    assert pin.level == 0


def test_alternate_functions_drive_their_pin(chip: Chip) -> None:
    pin = chip.soc.pin("PA5")
    chip.write("GPIOA", "MODER", 0xABFF_FBFF)
    chip.write("GPIOA", "AFRL", 7 << 20)
    assert (pin.mode, pin.alternate_function) == (2, 7)
    pin.drive_function(1)
    assert pin.level == 1


def test_locked_pins_keep_their_mode(chip: Chip) -> None:
    for value in (0x1_0020, 0x20, 0x1_0020):
        chip.write("GPIOA", "LCKR", value)
    assert chip.read("GPIOA", "LCKR") == 0x1_0020
    chip.write("GPIOA", "MODER", 0)
    assert chip.read("GPIOA", "MODER") == 3 << 10


def test_a_wrong_lock_sequence_locks_nothing(chip: Chip) -> None:
    for value in (0x1_0020, 0x21, 0x1_0020):
        chip.write("GPIOA", "LCKR", value)
    assert chip.read("GPIOA", "LCKR") >> 16 == 0
    chip.write("GPIOA", "MODER", 0)
    assert chip.read("GPIOA", "MODER") == 0


@pytest.mark.parametrize(("register", "levels", "pending"), [("RTSR1", (0, 1), "RPR1"), ("FTSR1", (1, 0), "FPR1")])
def test_edges_of_the_selected_port_raise_the_line(chip: Chip, register: str, levels: tuple[int, int],
                                                   pending: str) -> None:
    chip.write("GPIOC", "MODER", INPUT_PC13)
    chip.write("EXTI", "EXTICR4", 2 << 8)
    chip.write("EXTI", register, 1 << 13)
    chip.write("EXTI", "IMR1", 1 << 13)
    for level in levels:
        chip.soc.pin("PC13").drive(level)
    assert chip.raised == [24]
    assert chip.read("EXTI", pending) == 1 << 13
    chip.write("EXTI", pending, 1 << 13)
    assert not chip.lines[24]


def test_other_ports_and_masked_lines_stay_silent(chip: Chip) -> None:
    chip.write("GPIOC", "MODER", INPUT_PC13)
    chip.write("EXTI", "RTSR1", 1 << 13)
    chip.soc.pin("PC13").drive(1)  # EXTICR selects port A
    assert chip.read("EXTI", "RPR1") == 0
    chip.write("EXTI", "EXTICR4", 2 << 8)
    chip.soc.pin("PC13").drive(0)
    chip.soc.pin("PC13").drive(1)
    assert (chip.read("EXTI", "RPR1"), chip.raised) == (1 << 13, [])
    chip.write("EXTI", "IMR1", 1 << 13)  # pending before it was unmasked
    assert chip.raised == [24]


def test_software_raises_a_line(chip: Chip) -> None:
    chip.write("EXTI", "IMR1", 1 << 3)
    chip.write("EXTI", "SWIER1", 1 << 3)
    assert chip.raised == [14]


def test_rcc_resets_a_port(chip: Chip) -> None:
    chip.write("GPIOA", "MODER", OUTPUT_PA5)
    chip.write("GPIOA", "BSRR", 1 << 5)
    chip.write("RCC", "AHB2RSTR1", 1)
    assert (chip.read("GPIOA", "MODER"), chip.soc.pin("PA5").level) == (0xABFF_FFFF, 0)
