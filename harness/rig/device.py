"""A board under test: its device in the cloud and its debug probe, as one thing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.drivers.board import Board, Pin, SymbolRef, raise_if_hung
from harness.drivers.cloud import App, CloudClient, Deployment, Device, LogStream
from harness.errors import HarnessError, TimeoutExpired, UsageError
from harness.formats.elf import ElfImage


class BoardUnderTest:
    """A Microvisor board, reached through the cloud's API and through its debug probe.

    Args:
        name: name in its rig.
        device_sid: the device in the cloud.
        cloud: near end of the cloud.
        swd: near end of the debug probe; connected when something first needs it.
        symbols_of: finds the ELF image of an app by its hash.

    Example::

        board.deploy(app).expect("up-to-date", within="60s")
        board.log.expect("beat 3", within="10s")
        assert board.symbol("beat_count").read() >= 3
    """

    def __init__(self, *, name: str, device_sid: str, cloud: CloudClient, swd: Board,
                 symbols_of: Callable[[str], ElfImage | None]) -> None:
        self.name = name
        self.device_sid = device_sid
        self._cloud = cloud
        self._swd = swd
        self._symbols_of = symbols_of
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

    def pin(self, name: str) -> Pin:
        """Return a pin by its name, ``PA5``, as the port's registers tell of it."""
        return self.swd.pin(name)

    def close(self) -> None:
        """Let go of the log stream and of the probe; the application runs on. May be called twice."""
        if self._log is not None:
            self._log.close()
            self._log = None
        self._swd.close()
