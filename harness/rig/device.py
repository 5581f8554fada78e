"""A board under test: its device in the cloud and its debug probe, as one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.drivers.board import Board, SymbolRef, raise_if_hung
from harness.drivers.cloud import App, CloudClient, Deployment, Device, LogStream
from harness.errors import HarnessError, TimeoutExpired, UsageError
from harness.formats.elf import ElfImage
from harness.rig.bench import BenchPin, bench_of
from harness.rig.console import Console
from harness.virtual.board.board import Board as VirtualBoard
from harness.virtual.board.devices.i2c import I2cBus
from harness.virtual.board.devices.spi import SpiBus
from harness.virtual.board.peripherals.adc import Adc
from harness.virtual.board.peripherals.timer import Timer


class BoardUnderTest:
    """A Microvisor board, reached through the cloud's API and through its debug probe.

    Args:
        name: name in its rig.
        device_sid: the device in the cloud.
        cloud: near end of the cloud.
        swd: near end of the debug probe; connected when something first needs it.
        symbols_of: finds the ELF image of an app by its hash.
        bench: the far end, for what stands around a virtual board; None for a real one.

    Example::

        board.deploy(app).expect("up-to-date", within="60s")
        board.log.expect("beat 3", within="10s")
        assert board.symbol("beat_count").read() >= 3
    """

    def __init__(self, *, name: str, device_sid: str, cloud: CloudClient, swd: Board,
                 symbols_of: Callable[[str], ElfImage | None], bench: VirtualBoard | None = None) -> None:
        self.name = name
        self.device_sid = device_sid
        self._cloud = cloud
        self._swd = swd
        self._symbols_of = symbols_of
        self._bench = bench
        self._consoles: dict[str, Console] = {}
        self._device: Device | None = None
        self._log: LogStream | None = None

    def __repr__(self) -> str:
        return f"BoardUnderTest({self.name!r}, {self.device_sid!r}, {self._swd!r})"

    # -- through the cloud --------------------------------------------------------------------------------------------

    @property
    def device(self) -> Device:
        """The device in the cloud."""
        if self._device is None:
            self._device = self._cloud.microvisor.device(self.device_sid)
        return self._device

    @property
    def log(self) -> LogStream:
        """The device's log stream, from the moment it was first asked for; :meth:`deploy` asks for it."""
        if self._log is None:
            self._log = self.device.logs()
            self._log.on_timeout = self._explain
        return self._log

    def deploy(self, app: App) -> Deployment:
        """Make ``app`` the device's target, and use the symbols of the image it was made of, if they are known."""
        self.log  # noqa: B018 - from here on, nothing the new application says is missed
        symbols = self._symbols_of(app.hash)
        if symbols is not None:
            self._swd.load_symbols(symbols)
        return self.device.deploy(app)

    # -- through the debug probe --------------------------------------------------------------------------------------

    @property
    def swd(self) -> Board:
        """The debug probe's near end, connected: run control, memory, registers, breakpoints."""
        self._swd.connect()
        return self._swd

    def _explain(self, expired: TimeoutExpired) -> None:
        """Raise ApplicationHung if that is why a wait ended in vain. A board without a probe can't be asked."""
        try:
            swd = self.swd
        except HarnessError:
            return
        raise_if_hung(swd, expired)

    def load_symbols(self, elf: Path | str | ElfImage) -> None:
        """Use the symbols of this image from now on; raises UsageError, ElfError."""
        if not isinstance(elf, ElfImage):
            try:
                elf = ElfImage.read(Path(elf).read_bytes())
            except OSError as error:
                raise UsageError(f"{elf}: can't be read: {error.strerror or error}") from None
        self._swd.load_symbols(elf)

    def symbol(self, name: str) -> SymbolRef:
        """Return a variable of the application by its name, to read and write over SWD."""
        return self.swd.symbol(name)

    def pin(self, name: str) -> BenchPin:
        """Return a pin by its name, ``PA5``, as the port's registers tell of it."""
        return BenchPin(self.swd, name, self._bench)

    # -- around a virtual board; a real one raises UsageError ---------------------------------------------------------

    def uart(self, name: str) -> Console:
        """Return a serial interface by its name, ``USART2``; it listens from the moment it was first asked for."""
        if name not in self._consoles:
            self._consoles[name] = Console(bench_of(self._bench, self.name, name), name, self._swd.clock)
        return self._consoles[name]

    def i2c(self, name: str) -> I2cBus:
        """Return the bus at an I2C interface, ``I2C1``: ``board.i2c("I2C1").attach(Mcp9808(temperature=21.5))``."""
        return bench_of(self._bench, self.name, name).i2c(name)

    def spi(self, name: str) -> SpiBus:
        """Return the bus at an SPI interface, ``SPI1``: ``board.spi("SPI1").attach(SpiLoopback())``."""
        return bench_of(self._bench, self.name, name).spi(name)

    @property
    def adc(self) -> Adc:
        """The analog-to-digital converter: ``board.adc.set("PA0", 1.65)``."""
        return bench_of(self._bench, self.name, "the ADC").adc

    def timer(self, name: str) -> Timer:
        """Return a timer by its name, ``TIM1``, to trip its break input."""
        return bench_of(self._bench, self.name, name).timer(name)

    def close(self) -> None:
        """Let go of the log stream and of the probe; the application runs on. May be called twice."""
        if self._log is not None:
            self._log.close()
            self._log = None
        for console in self._consoles.values():
            console.close()
        self._swd.close()
