"""CRC: checks of any polynomial of 7, 8, 16 or 32 bits (RM0456, chapter CRC)."""

from __future__ import annotations

from harness.virtual.board.peripherals.base import WORD, Peripheral, PeripheralHost, Register

CRC_BASE = 0x4002_3000

_SIZES = (32, 16, 8, 7)
_RESET, _REV_OUT = 1 << 0, 1 << 7


class Crc(Peripheral):
    """The unit. Bytes, halfwords and words that are written to DR count as so many bits."""

    REGISTERS = (
        Register(name="DR", offset=0x00, reset=WORD), Register(name="IDR", offset=0x04),
        Register(name="CR", offset=0x08, write=0xF8), Register(name="INIT", offset=0x10, reset=WORD),
        Register(name="POL", offset=0x14, reset=0x04C1_1DB7))

    def __init__(self, host: PeripheralHost) -> None:
        super().__init__(host, "CRC", CRC_BASE)

    @property
    def _size(self) -> int:
        return _SIZES[self.values["CR"] >> 3 & 3]

    def write_cr(self, value: int, mask: int) -> None:
        self.store_by_name("CR", value, mask)
        if value & mask & _RESET:
            self.values["DR"] = self.values["INIT"]

    def write_init(self, value: int, mask: int) -> None:
        self.values["DR"] = self.store_by_name("INIT", value, mask)

    def read_dr(self) -> int:
        value = self.values["DR"] & (1 << self._size) - 1
        return _reversed(value, self._size) if self.values["CR"] & _REV_OUT else value

    def write_dr(self, value: int, mask: int) -> None:
        width = mask.bit_count()
        data = value >> (mask & -mask).bit_length() - 1
        group = min((0, 8, 16, 32)[self.values["CR"] >> 5 & 3], width)
        if group:
            data = sum(_reversed(data >> low & (1 << group) - 1, group) << low for low in range(0, width, group))
        size = self._size
        register, top, ones = self.values["DR"], 1 << size - 1, (1 << size) - 1
        for bit in range(width - 1, -1, -1):
            feedback = bool(register & top) != bool(data >> bit & 1)
            register = register << 1 & ones
            if feedback:
                register ^= self.values["POL"] & ones
        self.values["DR"] = register


def _reversed(value: int, bits: int) -> int:
    return int(format(value, f"0{bits}b")[::-1], 2)
