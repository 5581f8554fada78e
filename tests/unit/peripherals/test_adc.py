"""The converter, from deep power-down to values that a test set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.board.peripherals.adc import (
    ADCAL,
    ADDIS,
    ADEN,
    ADRDY,
    ADSTART,
    ADSTP,
    ADVREGEN,
    AWD1,
    DEEPPWD,
    EOC,
    EOCAL,
    EOS,
    LDORDY,
    OVR,
)

if TYPE_CHECKING:
    from tests.unit.peripherals.conftest import Chip

CONT, AUTDLY, OVRMOD, DISCEN = 1 << 13, 1 << 14, 1 << 12, 1 << 16


def enable(chip: Chip) -> None:
    """HAL_ADC_Init, HAL_ADCEx_Calibration_Start and ADC_Enable."""
    chip.write("ADC1", "CR", 0)
    chip.write("ADC1", "CR", ADVREGEN)
    chip.wait("ADC1", "ISR", LDORDY)
    chip.write("ADC1", "CR", ADVREGEN | ADCAL)
    assert chip.read("ADC1", "CR") & ADCAL
    chip.wait("ADC1", "ISR", EOCAL)
    assert not chip.read("ADC1", "CR") & ADCAL
    chip.write("ADC1", "ISR", EOCAL | ADRDY)
    chip.write("ADC1", "CR", ADVREGEN | ADEN)
    chip.wait("ADC1", "ISR", ADRDY)


def sequence(chip: Chip, *channels: int) -> None:
    first = sum(channel << 6 * n for n, channel in enumerate(channels[:4], start=1))
    chip.write("ADC1", "SQR1", len(channels) - 1 | first)
    chip.write("ADC1", "SQR2", sum(channel << 6 * n for n, channel in enumerate(channels[4:9])))


def convert(chip: Chip) -> int:
    chip.write("ADC1", "CR", chip.read("ADC1", "CR") | ADSTART)
    chip.wait("ADC1", "ISR", EOC)
    return chip.read("ADC1", "DR")


def test_a_reset_converter_is_in_deep_power_down(chip: Chip) -> None:
    assert chip.read("ADC1", "CR") == DEEPPWD
    chip.write("ADC1", "CR", DEEPPWD | ADEN)
    chip.run(10_000)
    assert chip.read("ADC1", "ISR") == 0


@pytest.mark.parametrize(("resolution", "top"), [(0, 16383), (1, 4095), (2, 1023), (3, 255)])
def test_voltages_become_numbers(chip: Chip, resolution: int, top: int) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.write("ADC1", "CFGR1", resolution << 2)
    for volts in (0.0, 1.1, 3.3):
        chip.soc.adc.set("PA0", volts)
        assert convert(chip) == round(volts / 3.3 * top)
        assert not chip.read("ADC1", "CR") & ADSTART
    assert not chip.read("ADC1", "ISR") & EOC


def test_a_sequence_of_channels(chip: Chip) -> None:
    enable(chip)
    for channel in range(1, 8):
        chip.soc.adc.set(channel, channel / 10)
    sequence(chip, 7, 1, 3, 5, 2, 6)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    heard = []
    for n in range(6):
        chip.wait("ADC1", "ISR", EOC, step=1)
        assert bool(chip.read("ADC1", "ISR") & EOS) == (n == 5)
        heard.append(round(chip.read("ADC1", "DR") * 33 / 16383))
    assert heard == [7, 1, 3, 5, 2, 6]


def test_continuous_conversion_until_it_is_stopped(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.soc.adc.set(5, lambda t: 1.0)
    chip.write("ADC1", "CFGR1", CONT)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    for _ in range(5):
        chip.wait("ADC1", "ISR", EOC, step=1)
        chip.read("ADC1", "DR")
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTP)
    assert not chip.read("ADC1", "CR") & (ADSTART | ADSTP)
    assert chip.agenda.next() is None
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADDIS)
    assert not chip.read("ADC1", "CR") & (ADEN | ADDIS)


def test_values_that_are_not_fetched_overrun(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5, 6)
    chip.soc.adc.set(6, 3.3)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.wait("ADC1", "ISR", EOS)
    assert chip.read("ADC1", "ISR") & OVR
    assert chip.read("ADC1", "DR") == 0
    chip.write("ADC1", "ISR", 0x7FF)
    chip.write("ADC1", "CFGR1", OVRMOD)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.wait("ADC1", "ISR", EOS)
    assert chip.read("ADC1", "DR") == 16383


def test_auto_delay_waits_for_the_application(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5, 6)
    chip.write("ADC1", "CFGR1", AUTDLY)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.run(10_000)
    assert not chip.read("ADC1", "ISR") & (EOS | OVR)
    chip.read("ADC1", "DR")
    chip.wait("ADC1", "ISR", EOS)


def test_discontinuous_sequences_go_one_by_one(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5, 6)
    chip.soc.adc.set(6, 3.3)
    chip.write("ADC1", "CFGR1", DISCEN)
    assert convert(chip) == 0
    assert not chip.read("ADC1", "ISR") & EOS
    assert convert(chip) == 16383
    assert chip.read("ADC1", "ISR") & EOS


def test_the_time_of_a_conversion(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.write("ADC1", "SMPR1", 7 << 15)
    chip.write("ADC1", "CCR", 2 << 18)
    start = chip.cycles
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.wait("ADC1", "ISR", EOC, step=1)
    assert chip.cycles - start == (814 + 17) * 4


def test_interrupts(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.write("ADC1", "IER", EOC)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.run(1000)
    assert chip.raised == [37]
    chip.read("ADC1", "DR")
    assert not chip.lines[37]


def test_internal_channels_must_be_switched_on(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 19)
    assert convert(chip) == 0
    chip.write("ADC1", "CCR", 1 << 22 | 1 << 23 | 1 << 24)
    chip.soc.adc.set_temperature(30.0)
    assert convert(chip) == round(0.752 / 3.3 * 16383)
    sequence(chip, 0)
    assert convert(chip) == round(1.215 / 3.3 * 16383)
    sequence(chip, 18)
    chip.soc.adc.set_battery(3.0)
    assert convert(chip) == round(0.75 / 3.3 * 16383)


def test_oversampling_and_the_watchdog(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.soc.adc.set(5, 3.3)
    chip.write("ADC1", "CFGR2", 1 | 15 << 16 | 2 << 5)
    assert convert(chip) == 16383 * 16 >> 2
    chip.write("ADC1", "CFGR2", 0)
    chip.write("ADC1", "HTR1", 10_000)
    chip.write("ADC1", "CFGR1", 1 << 23)
    convert(chip)
    assert chip.read("ADC1", "ISR") & AWD1


def test_a_hardware_trigger_is_waited_for(chip: Chip) -> None:
    enable(chip)
    sequence(chip, 5)
    chip.write("ADC1", "CFGR1", 1 << 10)
    chip.write("ADC1", "CR", ADVREGEN | ADEN | ADSTART)
    chip.run(100_000)
    assert not chip.read("ADC1", "ISR") & EOC
    for _ in range(2):
        chip.soc.adc.trigger()
        chip.wait("ADC1", "ISR", EOC)
        chip.read("ADC1", "DR")
    assert chip.read("ADC1", "CR") & ADSTART


def test_what_can_not_be_set(chip: Chip) -> None:
    with pytest.raises(UsageError, match="PA0"):
        chip.soc.adc.set("PD5", 1.0)
    with pytest.raises(UsageError, match="0 to 19"):
        chip.soc.adc.set(20, 1.0)
    with pytest.raises(UsageError, match="0 to 3"):
        chip.soc.adc.set(1, 5.0)
