"""Generic devices that are a file of 8-bit registers, on I2C and on SPI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.errors import UsageError
from harness.virtual.board.devices.i2c import I2cDevice
from harness.virtual.board.devices.spi import SpiDevice


class RegisterFile:
    """8-bit registers by number, 0 where nothing was set.

    Attributes:
        values: what they hold.
        written: every write of the application: number and value, in order.
    """

    def __init__(self, values: Mapping[int, int] | None = None, *, read_only: Iterable[int] = ()) -> None:
        self.values: dict[int, int] = {}
        self.written: list[tuple[int, int]] = []
        self._read_only = frozenset(read_only)
        for number, value in (values or {}).items():
            self[number] = value

    def __repr__(self) -> str:
        return f"RegisterFile({len(self.values)} set, {len(self.written)} writes)"

    def __getitem__(self, number: int) -> int:
        return self.values.get(number, 0)

    def __setitem__(self, number: int, value: int) -> None:
        if not (0 <= number <= 0xFF and 0 <= value <= 0xFF):
            raise UsageError(f"registers and their values are 0 to 0xff, not {number:#x} and {value:#x}")
        self.values[number] = value

    def store(self, number: int, value: int) -> None:
        """Take a write of the application; one to a read-only register changes nothing."""
        if len(self.written) < _MAX_WRITES:
            self.written.append((number, value))
        if number not in self._read_only:
            self.values[number] = value


_MAX_WRITES = 65_536


class I2cRegisters(I2cDevice):
    """A device as most are: the first byte written is a register's number, the others go to it and those that follow.

    Reading begins at the number written last.

    Args:
        registers: initial values by number.
        read_only: numbers of registers that the application can't change.

    Example::

        chip = board.i2c("I2C1").attach(I2cRegisters(0x68, {0x75: 0x68}, read_only=[0x75]))
        assert chip.registers[0x6B] == 0          # what the application wrote
    """

    def __init__(self, address: int, registers: Mapping[int, int] | None = None, *,
                 read_only: Iterable[int] = ()) -> None:
        super().__init__(address)
        self.registers = RegisterFile(registers, read_only=read_only)
        self._pointer = 0
        self._pointing = False

    def started(self, *, reading: bool) -> bool:
        self._pointing = not reading
        return True

    def write(self, byte: int) -> bool:
        if self._pointing:
            self._pointer, self._pointing = byte, False
        else:
            self.registers.store(self._pointer, byte)
            self._pointer = self._pointer + 1 & 0xFF
        return True

    def read(self) -> int:
        value = self.registers[self._pointer]
        self._pointer = self._pointer + 1 & 0xFF
        return value


class SpiRegisters(SpiDevice):
    """A device whose transfers begin with a register's number and the direction; number and data then go up.

    Args:
        registers: initial values by number.
        read_bit: bit of the first byte that means reading.
        read_only: numbers of registers that the application can't change.
    """

    def __init__(self, registers: Mapping[int, int] | None = None, *, read_bit: int = 0x80,
                 read_only: Iterable[int] = ()) -> None:
        self.registers = RegisterFile(registers, read_only=read_only)
        self._read_bit = read_bit
        self._command: int | None = None
        self._pointer = 0

    def selected(self) -> None:
        self._command = None

    def transfer(self, value: int, bits: int) -> int:
        if self._command is None:
            self._command = value
            self._pointer = value & 0xFF & ~self._read_bit
            return 0xFF
        number = self._pointer
        self._pointer = number + 1 & 0xFF & ~self._read_bit
        if self._command & self._read_bit:
            return self.registers[number]
        self.registers.store(number, value & 0xFF)
        return 0xFF
