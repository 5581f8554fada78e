"""MCP9808: a temperature sensor (Microchip DS25095)."""

from __future__ import annotations

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cDevice

CONFIG, T_UPPER, T_LOWER, T_CRIT, T_AMBIENT, MANUFACTURER, DEVICE, RESOLUTION = range(1, 9)

_SHUTDOWN, _ALERT_CONTROL, _ALERT_ACTIVE_HIGH = 1 << 8, 1 << 3, 1 << 1
_CRITICAL_LOCK, _WINDOW_LOCK = 1 << 7, 1 << 6
_WRITABLE = {CONFIG: 0x07EF, T_UPPER: 0x1FFC, T_LOWER: 0x1FFC, T_CRIT: 0x1FFC, RESOLUTION: 0x03}
_RESETS = {CONFIG: 0, T_UPPER: 0, T_LOWER: 0, T_CRIT: 0, MANUFACTURER: 0x0054, DEVICE: 0x0400, RESOLUTION: 0x03}


class Mcp9808(I2cDevice):
    """A sensor whose temperature the test sets.

    Args:
        temperature: what it measures, in degrees Celsius.

    Example::

        sensor = board.i2c("I2C1").attach(Mcp9808(temperature=21.5))
        sensor.temperature = -3.25
    """

    def __init__(self, address: int = 0x18, *, temperature: float = 25.0) -> None:
        super().__init__(address)
        self._values = dict(_RESETS)
        self._pointer = 0
        self._phase: int | None = None  # None: the pointer comes next, else the index of the byte
        self._high = 0
        self._held = 0
        self.temperature = temperature

    def __repr__(self) -> str:
        return f"Mcp9808(address=0x{self.address:02x}, temperature={self._temperature})"

    @property
    def temperature(self) -> float:
        """Degrees Celsius, -40 to 125."""
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not -40 <= value <= 125:
            raise UsageError(f"an MCP9808 measures -40 to 125 degrees Celsius, not {value}")
        self._temperature = float(value)

    @property
    def alert(self) -> bool:
        """Whether the alert output is asserted: comparator mode, ambient outside the window."""
        config = self._values[CONFIG]
        if not config & _ALERT_CONTROL:
            return False
        critical_only = bool(config & 1 << 2)
        flags = self._ambient() >> 13
        return bool(flags & (0b100 if critical_only else 0b111))

    def register(self, number: int) -> int:
        """Return what the application would read from a register."""
        return self._ambient() if number == T_AMBIENT else self._values.get(number, 0)

    def started(self, *, reading: bool) -> bool:
        self._phase = 0 if reading else None
        return True

    def write(self, byte: int) -> bool:
        if self._phase is None:
            self._pointer, self._phase = byte & 0x0F, 0
        elif self._pointer == RESOLUTION:
            self._values[RESOLUTION] = byte & _WRITABLE[RESOLUTION]
        elif self._phase == 0:
            self._high, self._phase = byte, 1
        elif self._phase == 1:
            self._phase = 2
            self._store(self._high << 8 | byte)
        return True

    def read(self) -> int:
        if self._pointer == RESOLUTION:
            return self._values[RESOLUTION]
        if self._phase == 0:
            self._held = self.register(self._pointer)
            self._phase = 1
            return self._held >> 8
        self._phase = 0
        return self._held & 0xFF

    def _store(self, value: int) -> None:
        mask = _WRITABLE.get(self._pointer, 0)
        config = self._values[CONFIG]
        if (self._pointer == T_CRIT and config & _CRITICAL_LOCK) or (
                self._pointer in (T_UPPER, T_LOWER) and config & _WINDOW_LOCK):
            return
        if mask:
            self._values[self._pointer] = value & mask

    def _ambient(self) -> int:
        """The ambient register: 1/16 degree steps, rounded down to the resolution, and three comparisons."""
        if self._values[CONFIG] & _SHUTDOWN:
            return self._values.get(T_AMBIENT, 0)
        step = 8 >> self._values[RESOLUTION]
        sixteenths = int(self._temperature * 16 // step) * step
        flags = (sixteenths >= _signed(self._values[T_CRIT])) << 15 | (
            sixteenths > _signed(self._values[T_UPPER])) << 14 | (sixteenths < _signed(self._values[T_LOWER])) << 13
        self._values[T_AMBIENT] = flags | sixteenths & 0x1FFF  # kept for when it is shut down
        return self._values[T_AMBIENT]


def _signed(value: int) -> int:
    return (value & 0x1FFF) - (0x2000 if value & 0x1000 else 0)
