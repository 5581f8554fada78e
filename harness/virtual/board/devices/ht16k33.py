"""HT16K33: a driver of LED matrices with key scan (Holtek HT16K33 data sheet)."""

from __future__ import annotations

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cDevice

ROWS, COMMONS = 16, 8
"""Display memory: 16 rows of outputs by 8 commons, one byte for each half of a common's row outputs."""

_KEY_BYTES = 6
_BLINKS = (0.0, 2.0, 1.0, 0.5)


class Ht16k33(I2cDevice):
    """A display that the test looks at, and a keypad that it presses.

    Attributes:
        ram: the 16 bytes of display memory; byte 2n holds rows 0 to 7 of common n, byte 2n + 1 rows 8 to 15.

    Example::

        display = board.i2c("I2C1").attach(Ht16k33())
        print(display.render())
    """

    def __init__(self, address: int = 0x70) -> None:
        super().__init__(address)
        self.ram = bytearray(ROWS * COMMONS // 8)
        self._keys = bytearray(_KEY_BYTES)
        self._held: set[tuple[int, int]] = set()
        self._oscillator = False
        self._display = 0
        self._dimming = 15
        self._row_int = 0
        self._interrupt = False
        self._pointer = 0
        self._reading_keys = 0x40
        self._in_command = True

    def __repr__(self) -> str:
        return f"Ht16k33(address=0x{self.address:02x}, {'on' if self.is_on else 'off'})"

    # -- for tests ----------------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether oscillator and display are on."""
        return self._oscillator and bool(self._display & 1)

    @property
    def blink_hz(self) -> float:
        """How often it blinks; 0 if it does not."""
        return _BLINKS[self._display >> 1 & 3]

    @property
    def brightness(self) -> int:
        """1 to 16 sixteenths."""
        return self._dimming + 1

    def pixel(self, row: int, common: int) -> bool:
        """Return whether the LED at this row output and common is lit."""
        if not (0 <= row < ROWS and 0 <= common < COMMONS):
            raise UsageError(f"an HT16K33 has rows 0 to 15 and commons 0 to 7, not {row} and {common}")
        return self.is_on and bool(self.ram[2 * common + row // 8] >> row % 8 & 1)

    def render(self, columns: int = 8) -> str:
        """Return the display as text, one line a common: ``#`` for an LED that is lit, ``.`` for one that is not.

        Args:
            columns: how many row outputs the matrix has.
        """
        return "\n".join("".join("#" if self.pixel(row, common) else "." for row in range(columns))
                         for common in range(COMMONS))

    def press(self, row: int, common: int) -> None:
        """Press the key at row 0 to 12 and common 0 to 2, and hold it."""
        if not (0 <= row <= 12 and 0 <= common <= 2):
            raise UsageError(f"an HT16K33 scans keys at rows 0 to 12 and commons 0 to 2, not {row} and {common}")
        self._held.add((row, common))
        self._keys[2 * common + row // 8] |= 1 << row % 8
        self._interrupt = True

    def release(self, row: int, common: int) -> None:
        """Let the key go; it is told as pressed until the application has read it."""
        self._held.discard((row, common))

    @property
    def interrupt(self) -> bool:
        """Whether a key was pressed that the application has not read."""
        return self._interrupt

    # -- on the bus ---------------------------------------------------------------------------------------------------

    def started(self, *, reading: bool) -> bool:
        self._in_command = not reading
        return True

    def write(self, byte: int) -> bool:
        if not self._in_command:
            self.ram[self._pointer] = byte
            self._pointer = (self._pointer + 1) % len(self.ram)
            return True
        command, value = byte >> 4, byte & 0x0F
        match command:
            case 0x0:
                self._pointer, self._reading_keys = value, 0
                self._in_command = False  # data follows
            case 0x2:
                self._oscillator = bool(value & 1)
            case 0x4:
                self._reading_keys = byte
            case 0x6:
                self._reading_keys = byte
            case 0x8:
                self._display = value & 7
            case 0xA:
                self._row_int = value & 3
            case 0xE:
                self._dimming = value
        return True

    def read(self) -> int:
        if self._reading_keys == 0:
            value = self.ram[self._pointer]
            self._pointer = (self._pointer + 1) % len(self.ram)
            return value
        if self._reading_keys >= 0x60:
            return 0xFF if self._interrupt else 0
        index = self._reading_keys & 0x0F
        self._reading_keys = 0x40 | (index + 1) % 8
        if index >= _KEY_BYTES:
            return 0
        value = self._keys[index]
        self._keys[index] = sum(1 << row % 8 for row, common in self._held if 2 * common + row // 8 == index)
        if index == _KEY_BYTES - 1:
            self._interrupt = False
        return value
