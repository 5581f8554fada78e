"""The bench around a board: devices on its buses, pins that are driven, voltages, consoles.

A virtual board has all of it. A real one has what is soldered to it, so whoever asks for it is told so.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.clock import Duration
from harness.drivers.board import Board as SwdBoard
from harness.drivers.board import Pin
from harness.errors import UsageError
from harness.rig.bench_model import BenchTable, I2cTable, SpiTable
from harness.virtual.board.board import Board
from harness.virtual.board.devices.ht16k33 import Ht16k33
from harness.virtual.board.devices.i2c import I2cDevice
from harness.virtual.board.devices.lis3dh import Lis3dh
from harness.virtual.board.devices.mcp9808 import Mcp9808
from harness.virtual.board.devices.registers import I2cRegisters, SpiRegisters
from harness.virtual.board.devices.spi import SpiDevice, SpiLoopback
from harness.virtual.board.peripherals.timer_channel import Pwm
from harness.virtual.board.peripherals.usart import Usart
from harness.virtual.modem.pty_endpoint import PtyEndpoint

_ADDRESSES = {"mcp9808": 0x18, "lis3dh": 0x19, "ht16k33": 0x70}


class BenchPin(Pin):
    """A pin of a board under test: read over SWD, and driven and watched from the bench where the board is virtual.

    Raises:
        UsageError: not the name of a pin; for what goes by the bench also if the board is real.
    """

    def __init__(self, swd: SwdBoard, name: str, far: Board | None) -> None:
        super().__init__(swd, name)
        self._far = far

    def drive(self, level: int | None) -> None:
        """Drive the pin from outside to 0 or 1, or let it go with None."""
        far = self._bench()
        with far.world.turn():
            far.pin(self.name).drive(level)

    def drive_pwm(self, frequency_hz: float, duty: float = 0.5) -> None:
        """Drive the pin with a square wave, until :meth:`drive`."""
        far = self._bench()
        with far.world.turn():
            far.pin(self.name).drive_pwm(frequency_hz, duty)

    def watch(self, watcher: Callable[[int], None]) -> Callable[[], None]:
        """Call ``watcher`` with every new level, each edge of a PWM output too; return what ends that."""
        far = self._bench()
        with far.world.turn():
            return far.pin(self.name).watch(watcher)

    @property
    def pwm(self) -> Pwm | None:
        """Frequency and duty cycle of the timer output at this pin; None where there is none, or it stands still."""
        far = self._bench()
        with far.world.turn():
            far.sync()
            return far.pin(self.name).pwm

    def expect_pwm(self, *, frequency_hz: float, duty: float, tolerance: float = 0.01, within: Duration = "10s") -> Pwm:
        """Let time pass until the pin shows a PWM of this frequency (relative tolerance) and duty (absolute).

        Raises:
            TimeoutExpired: it did not within this time; tells what it showed last.
        """
        def fits() -> Pwm | None:
            found = self.pwm
            if found is not None and abs(found.frequency_hz - frequency_hz) <= tolerance * frequency_hz and (
                    abs(found.duty - duty) <= tolerance):
                return found
            return None

        return self._board.clock.wait(fits, within=within, saw=lambda: repr(self.pwm),
                                      what=f"{self.name} of {self._board.name} to show {frequency_hz} Hz at {duty:.1%}")

    def _bench(self) -> Board:
        return bench_of(self._far, self._board.name, f"pin {self.name}")


def bench_of(far: Board | None, name: str, what: str) -> Board:
    """Return the virtual board; raises UsageError if the board is real."""
    if far is None:
        raise UsageError(f"{name} is a real board: {what} is reached with wires, not from a test")
    return far


def furnish(board: Board, table: BenchTable) -> None:
    """Put around a board what a rig file says.

    Raises:
        UsageError: two devices with one address, a voltage that can't be.
    """
    for i2c in table.i2c:
        board.i2c(i2c.bus).attach(make_i2c(i2c))
    for spi in table.spi:
        board.spi(spi.bus).attach(make_spi(spi), select=spi.select)
    for pin, level in table.pins.items():
        board.pin(pin).drive(level)
    for source, value in table.adc.items():
        if source == "temperature":
            board.adc.set_temperature(value)
        elif source == "battery":
            board.adc.set_battery(value)
        else:
            board.adc.set(int(source) if source.isdecimal() else source, value)


def make_i2c(table: I2cTable) -> I2cDevice:
    """Return the device that a table describes."""
    address = _ADDRESSES.get(table.device, 0) if table.address is None else table.address
    match table.device:
        case "mcp9808":
            return Mcp9808(address, temperature=25.0 if table.temperature is None else table.temperature)
        case "lis3dh":
            return Lis3dh(address, acceleration=table.acceleration or (0.0, 0.0, 1.0),
                          temperature=25.0 if table.temperature is None else table.temperature)
        case "ht16k33":
            return Ht16k33(address)
        case "registers":
            return I2cRegisters(address, table.registers, read_only=table.read_only)


def make_spi(table: SpiTable) -> SpiDevice:
    """Return the device that a table describes."""
    if table.device == "loopback":
        return SpiLoopback()
    return SpiRegisters(table.registers, read_bit=table.read_bit, read_only=table.read_only)


def open_consoles(board: Board, table: BenchTable, folder: Path) -> dict[str, PtyEndpoint]:
    """Return the pseudo-terminals at the serial interfaces of a board, by interface; the caller closes them.

    Raises:
        PortTaken: a link's name is in use.
        UsageError: a link's folder does not exist.
    """
    opened: dict[str, PtyEndpoint] = {}
    try:
        for name, path in table.consoles.items():
            uart = board.uart(name)
            link = Path(path) if path else folder / f"{board.name}.{name.lower()}"
            opened[name] = PtyEndpoint(board.world, link, receive=_receiver(uart), hold=True)
            uart.listen(_sender(opened[name]))
    except BaseException:
        for endpoint in opened.values():
            endpoint.close()
        raise
    return opened


def _receiver(uart: Usart) -> Callable[[bytes], None]:
    def receive(data: bytes) -> None:
        uart.send(data)  # what has no room is lost, as on a wire

    return receive


def _sender(endpoint: PtyEndpoint) -> Callable[[int], None]:
    return lambda byte: endpoint.send(bytes([byte]))
