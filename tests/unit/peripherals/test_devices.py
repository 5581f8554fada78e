"""Devices on the I2C bus, byte by byte as their data sheets tell it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.devices.ht16k33 import Ht16k33
from harness.virtual.board.devices.i2c import I2cDevice
from harness.virtual.board.devices.lis3dh import Lis3dh
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.devices.registers import I2cRegisters


def write(device: I2cDevice, *data: int) -> None:
    assert device.started(reading=False)
    for byte in data:
        assert device.write(byte)
    device.stopped()


def read(device: I2cDevice, register: int, count: int) -> bytes:
    device.started(reading=False)
    device.write(register)
    device.started(reading=True)
    data = bytes(device.read() for _ in range(count))
    device.stopped()
    return data


def word(device: I2cDevice, register: int) -> int:
    return int.from_bytes(read(device, register, 2), "big")


# -- MCP9808 ----------------------------------------------------------------------------------------------------------


def test_mcp9808_identifies_itself() -> None:
    sensor = Mcp9808()
    assert (word(sensor, 6), word(sensor, 7), read(sensor, 8, 1)) == (0x0054, 0x0400, b"\x03")


@pytest.mark.parametrize(("celsius", "raw"), [(21.5, 0x158), (25.25, 0x194), (0.0, 0), (-0.0625, 0x1FFF),
                                              (-40.0, 0x1D80), (125.0, 0x7D0)])
def test_mcp9808_tells_its_temperature(celsius: float, raw: int) -> None:
    assert word(Mcp9808(temperature=celsius), 5) & 0x1FFF == raw


@settings(deadline=None)
@given(st.integers(-640, 2000), st.integers(0, 3))
def test_mcp9808_rounds_down_to_its_resolution(sixteenths: int, resolution: int) -> None:
    sensor = Mcp9808(temperature=sixteenths / 16)
    write(sensor, 8, resolution)
    step = 8 >> resolution
    assert word(sensor, 5) & 0x1FFF == sixteenths // step * step & 0x1FFF


def test_mcp9808_compares() -> None:
    sensor = Mcp9808(temperature=30.0)
    write(sensor, 2, 0x01, 0x90)  # upper 25
    write(sensor, 3, 0x00, 0xA0)  # lower 10
    write(sensor, 4, 0x02, 0x80)  # critical 40
    assert word(sensor, 5) >> 13 == 0b010
    assert not sensor.alert
    write(sensor, 1, 0x00, 0x08)
    assert sensor.alert
    sensor.temperature = 5.0
    assert word(sensor, 5) >> 13 == 0b001
    sensor.temperature = 40.0
    assert word(sensor, 5) >> 13 == 0b110


def test_mcp9808_keeps_the_last_value_in_shutdown() -> None:
    sensor = Mcp9808(temperature=20.0)
    word(sensor, 5)
    write(sensor, 1, 0x01, 0x00)
    sensor.temperature = 30.0
    assert word(sensor, 5) & 0x1FFF == 20 * 16
    write(sensor, 1, 0x00, 0x00)
    assert word(sensor, 5) & 0x1FFF == 30 * 16


def test_mcp9808_locks() -> None:
    sensor = Mcp9808()
    write(sensor, 4, 0x02, 0x80)
    write(sensor, 1, 0x00, 0x80)
    write(sensor, 4, 0x00, 0x00)
    assert word(sensor, 4) == 0x0280


def test_mcp9808_measures_no_more_than_it_can() -> None:
    with pytest.raises(UsageError, match="-40 to 125"):
        Mcp9808(temperature=126)


# -- LIS3DH -----------------------------------------------------------------------------------------------------------


def axes(sensor: Lis3dh) -> list[int]:
    data = read(sensor, 0x80 | 0x28, 6)
    return [int.from_bytes(data[n:n + 2], "little", signed=True) for n in (0, 2, 4)]


def test_lis3dh_identifies_itself_and_is_silent_before_it_is_switched_on() -> None:
    sensor = Lis3dh()
    assert read(sensor, 0x0F, 1) == b"\x33"
    assert read(sensor, 0x27, 1) == b"\x00"
    assert axes(sensor) == [0, 0, 0]


@pytest.mark.parametrize(("control", "expected"), [
    ((0x57, 0x08), [1000 << 4, -500 << 4, 250 << 4]),   # high resolution, 2 g
    ((0x57, 0x18), [500 << 4, -250 << 4, 125 << 4]),    # 4 g
    ((0x57, 0x00), [250 << 6, -125 << 6, 62 << 6]),     # normal
    ((0x5F, 0x00), [62 << 8, -31 << 8, 16 << 8]),       # low power
])
def test_lis3dh_tells_its_acceleration(control: tuple[int, int], expected: list[int]) -> None:
    sensor = Lis3dh(acceleration=(1.0, -0.5, 0.25))
    write(sensor, 0x20, control[0])
    write(sensor, 0x23, control[1])
    assert read(sensor, 0x27, 1) == b"\x0f"
    assert axes(sensor) == expected


def test_lis3dh_saturates() -> None:
    sensor = Lis3dh(acceleration=(5.0, -5.0, 0.0))
    write(sensor, 0x20, 0x57)
    write(sensor, 0x23, 0x08)
    assert axes(sensor) == [2047 << 4, -2048 << 4, 0]


def test_lis3dh_counts_up_only_if_asked_to() -> None:
    sensor = Lis3dh()
    assert read(sensor, 0x0F, 2) == b"\x33\x33"
    write(sensor, 0x80 | 0x20, 0x57, 0x01, 0x02)
    assert [sensor.registers[n] for n in (0x20, 0x21, 0x22)] == [0x57, 1, 2]
    write(sensor, 0x0F, 0)
    assert read(sensor, 0x0F, 1) == b"\x33"


def test_lis3dh_tells_its_temperature() -> None:
    sensor = Lis3dh(temperature=21.0)
    write(sensor, 0x1F, 0xC0)
    assert read(sensor, 0x80 | 0x0C, 2) == bytes([0, 0xFC])


# -- HT16K33 ----------------------------------------------------------------------------------------------------------


def test_ht16k33_shows_what_is_written() -> None:
    display = Ht16k33()
    write(display, 0x00, 0x81, 0x00, 0x42)
    assert not display.is_on
    assert "#" not in display.render()
    write(display, 0x21)
    write(display, 0x81)
    write(display, 0xE7)
    assert display.is_on
    assert display.brightness == 8
    assert display.render().splitlines()[:2] == ["#......#", ".#....#."]
    assert display.pixel(7, 0)
    write(display, 0x83)
    assert display.blink_hz == 2.0


def test_ht16k33_memory_wraps_and_reads_back() -> None:
    display = Ht16k33()
    write(display, 0x0F, 1, 2)
    assert (display.ram[15], display.ram[0]) == (1, 2)
    assert read(display, 0x0F, 2) == b"\x01\x02"


def test_ht16k33_scans_keys() -> None:
    display = Ht16k33()
    display.press(9, 1)
    assert display.interrupt
    assert read(display, 0x60, 1) == b"\xff"
    assert read(display, 0x40, 6) == bytes([0, 0, 0, 2, 0, 0])
    assert not display.interrupt
    display.release(9, 1)
    read(display, 0x40, 6)
    assert read(display, 0x40, 6) == bytes(6)


@settings(deadline=None)
@given(st.lists(st.one_of(st.tuples(st.just("write"), st.integers(0, 255)), st.tuples(st.just("read"), st.just(0)),
                          st.tuples(st.just("start"), st.integers(0, 1)))))
def test_no_transfer_breaks_a_device(steps: list[tuple[str, int]]) -> None:
    for device in (Mcp9808(), Lis3dh(), Ht16k33(), I2cRegisters(0x50)):
        for step, value in steps:
            match step:
                case "write":
                    device.write(value)
                case "read":
                    assert 0 <= device.read() <= 0xFF
                case _:
                    device.started(reading=bool(value))
