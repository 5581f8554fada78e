"""LIS3DH: an accelerometer, on I2C or SPI (ST DocID17530)."""

from __future__ import annotations

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cDevice
from harness.virtual.board.devices.registers import RegisterFile

WHO_AM_I, TEMP_CFG, CTRL1, CTRL2, CTRL3, CTRL4, CTRL5, CTRL6 = 0x0F, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25
STATUS, OUT_X_L, OUT_Z_H = 0x27, 0x28, 0x2D

_RESETS = {WHO_AM_I: 0x33, 0x1E: 0x10, CTRL1: 0x07}
_READ_ONLY = (0x07, *range(0x08, 0x10), STATUS, *range(OUT_X_L, OUT_Z_H + 1), 0x2F, 0x31, 0x35, 0x39)
_LOW_POWER, _HIGH_RESOLUTION = 1 << 3, 1 << 3  # of CTRL1 and CTRL4
_MG_PER_DIGIT = {12: (1, 2, 4, 12), 10: (4, 8, 16, 48), 8: (16, 32, 64, 192)}
_FULL_SCALE = (2, 4, 8, 16)


class Lis3dh(I2cDevice):
    """A sensor whose acceleration the test sets.

    Args:
        acceleration: x, y and z in g; by default it lies flat.

    Example::

        sensor = board.i2c("I2C1").attach(Lis3dh())
        sensor.acceleration = (0.0, 1.0, 0.0)
    """

    def __init__(self, address: int = 0x19, *, acceleration: tuple[float, float, float] = (0.0, 0.0, 1.0),
                 temperature: float = 25.0) -> None:
        super().__init__(address)
        self.registers = RegisterFile(_RESETS, read_only=_READ_ONLY)
        self._pointer: int | None = None
        self._increment = False
        self.acceleration = acceleration
        self.temperature = temperature
        """Degrees Celsius, told relative to 25 by the third channel of its auxiliary converter."""

    def __repr__(self) -> str:
        return f"Lis3dh(address=0x{self.address:02x}, acceleration={self._acceleration})"

    @property
    def acceleration(self) -> tuple[float, float, float]:
        """x, y and z in g; what lies beyond the full scale that the application chose is told as its end."""
        return self._acceleration

    @acceleration.setter
    def acceleration(self, value: tuple[float, float, float]) -> None:
        if len(value) != 3 or any(not -100 <= axis <= 100 for axis in value):
            raise UsageError(f"an acceleration is x, y and z in g, not {value!r}")
        x, y, z = value
        self._acceleration = (float(x), float(y), float(z))

    @property
    def is_measuring(self) -> bool:
        """Whether the application switched it on."""
        return bool(self.registers[CTRL1] >> 4)

    def started(self, *, reading: bool) -> bool:
        if not reading:
            self._pointer = None
        return True

    def write(self, byte: int) -> bool:
        if self._pointer is None:
            self._pointer, self._increment = byte & 0x7F, bool(byte & 0x80)
            return True
        self.registers.store(self._pointer, byte)
        if self._pointer == CTRL5 and byte & 0x80:  # BOOT: trimming values are loaded anew, at once
            self.registers.values[CTRL5] &= 0x7F
        self._advance()
        return True

    def read(self) -> int:
        value = self._value(self._pointer or 0)
        self._advance()
        return value

    def _advance(self) -> None:
        if self._increment and self._pointer is not None:
            self._pointer = self._pointer + 1 & 0x7F

    def _value(self, number: int) -> int:
        if number == STATUS:
            return 0x0F if self.is_measuring else 0
        if OUT_X_L <= number <= OUT_Z_H:
            axis, high = divmod(number - OUT_X_L, 2)
            return self._output(axis) >> 8 * high & 0xFF
        if number in (0x0C, 0x0D) and self.registers[TEMP_CFG] & 0xC0 == 0xC0:
            offset = max(-128, min(127, round(self.temperature - 25)))
            return offset & 0xFF if number == 0x0D else 0
        return self.registers[number]

    def _output(self, axis: int) -> int:
        """16 bits, left-aligned, of an axis that is enabled."""
        control, scale = self.registers[CTRL1], self.registers[CTRL4] >> 4 & 3
        if not self.is_measuring or not control >> axis & 1:
            return 0
        bits = 8 if control & _LOW_POWER else 12 if self.registers[CTRL4] & _HIGH_RESOLUTION else 10
        digits = round(self._acceleration[axis] * 1000 / _MG_PER_DIGIT[bits][scale])
        limit = 1 << bits - 1
        return max(-limit, min(limit - 1, digits)) << 16 - bits & 0xFFFF
