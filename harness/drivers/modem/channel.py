"""A serial port as a source of bytes on a clock: pyserial underneath, and none of its exceptions above.

Every pyserial URL works (``/dev/ttyUSB2``, ``socket://``, ``rfc2217://``, ``loop://``, ``hwgrep://``, ``spy://`` ...).
Reading never blocks: bytes are taken in whenever somebody waits on the clock. Writing is bounded by a deadline on the
same clock, so a far end in virtual time gets its chance to read. All traffic is kept, with time stamps, as evidence.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import io
import os
import select
import sys
import termios
import warnings
from collections import deque
from collections.abc import Callable

import serial
import serial.rfc2217
from serial.tools import list_ports

from harness.clock import Clock, Duration
from harness.errors import ModemError, PortLost, PortTaken, UsageError
from harness.formats.recording import Direction, Piece
from harness.journal import Journal

_READ_SIZE = 4_096
_READ_LIMIT = 1 << 18  # octets taken in by one pump, so that a port that never stops does not stop everything else
_WRITE_SIZE = 1_024
_WRITE_TIMEOUT = 2.0  # real seconds, for ports without a descriptor, which block in write()
_TRANSCRIPT_OCTETS = 1 << 20
_SHOWN = 12  # ports in a message
_PORT_ERRORS = (OSError, termios.error, ValueError, TypeError)  # what pyserial lets through on top of its own

Traffic = Piece
"""Octets that crossed the port at one time."""


class SerialChannel:
    """One serial port.

    Args:
        url: a device path or a pyserial URL.
        clock: whose waits take in what arrives, and whose time stamps the transcript has.
        name: how errors and the journal call it.
        journal: where openings and losses are told.
        baudrate: bits per second; without meaning for sockets and pseudo-terminals.
        rtscts: hardware flow control.

    Attributes:
        bytes_sent, bytes_received: octets since the port was opened last.
        generation: how often it was opened.
        on_open: called after each opening, before anything is sent.
    """

    def __init__(self, url: str, clock: Clock, name: str, journal: Journal, *, baudrate: int = 115_200,
                 rtscts: bool = False) -> None:
        self.url = url
        self.name = name
        self.clock = clock
        self.journal = journal
        self.bytes_sent = 0
        self.bytes_received = 0
        self.generation = 0
        self.on_open: Callable[[SerialChannel], None] | None = None
        self._baudrate = baudrate
        self._rtscts = rtscts
        self._port: serial.SerialBase | None = None
        self._descriptor: int | None = None
        self._asks_first = False
        self._listener: Callable[[bytes], None] | None = None
        self._out = bytearray()
        self._lost: str | None = None
        self._transcript: deque[Traffic] = deque()
        self._transcript_octets = 0

    def __repr__(self) -> str:
        state = "open" if self.is_open else f"lost: {self._lost}" if self._lost else "closed"
        return f"SerialChannel({self.name!r}, {self.url!r}, {state})"

    @property
    def baudrate(self) -> int:
        """Bits per second; setting it takes effect at once."""
        return self._baudrate

    @baudrate.setter
    def baudrate(self, rate: int) -> None:
        self._baudrate = rate
        if self._port is not None:
            try:
                self._port.baudrate = rate
            except _PORT_ERRORS as problem:
                self._lose(problem)

    @property
    def has_line_speed(self) -> bool:
        """Whether there is a line whose speed both ends must know: not with sockets."""
        return isinstance(self._port, serial.Serial | serial.rfc2217.Serial)

    # -- open and close -----------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the port is open and was not lost."""
        return self._port is not None

    def listen(self, listener: Callable[[bytes], None]) -> None:
        """Give everything that arrives to ``listener``. One listener; the last one set wins."""
        self._listener = listener

    def open(self) -> None:
        """Open the port; no effect if it is open. What arrived before is lost, as pyserial flushes the input.

        Raises:
            PortTaken: somebody else holds it.
            UsageError: not a URL that pyserial knows.
            ModemError: there is no such port, or it can't be opened.
        """
        if self._port is not None:
            return
        try:
            port = serial.serial_for_url(self.url, do_not_open=True, baudrate=self._baudrate, timeout=0,
                                         rtscts=self._rtscts)
        except _PORT_ERRORS as problem:
            raise UsageError(f"{self.name}: {self.url!r} is no serial port URL: {problem}") from problem
        try:
            if isinstance(port, serial.Serial):
                port.exclusive = True
            with warnings.catch_warnings():
                # pyserial 3.5 starts the thread of rfc2217:// in a way that Python has deprecated
                warnings.filterwarnings("ignore", "set(Daemon|Name)", DeprecationWarning)
                port.open()
        except _PORT_ERRORS as problem:
            with contextlib.suppress(*_PORT_ERRORS):
                port.close()
            if getattr(problem, "errno", None) in (errno.EAGAIN, errno.EBUSY):
                raise PortTaken(f"{self.name}: {self.url} is in use by another program") from problem
            raise ModemError(f"{self.name}: can't open {self.url}: {problem}{_hint(problem, self.url)}") from problem
        self._port = port
        self._descriptor = _descriptor(port)
        # pyserial 3.5's poll() variant stumbles over its own variable where there is nothing to read
        self._asks_first = isinstance(port, serial.PosixPollSerial)
        if not isinstance(port, serial.rfc2217.Serial):  # which has no such thing
            port.write_timeout = 0 if self._descriptor is not None else _WRITE_TIMEOUT
        self._lost = None
        self._out.clear()
        self.bytes_sent = self.bytes_received = 0
        self.generation += 1
        self.clock.watch(self)
        self.journal.record("driver", "port_opened", device=self.name)
        if self.on_open is not None:
            self.on_open(self)
        self.clock.sleep(0)  # lets wires count from here, before anything is sent

    def close(self) -> None:
        """Close the port, once the far end has what was written. May be called twice, and after it was lost."""
        if self._port is not None:
            try:
                self.clock.sleep(0)  # lets wires deliver what is under way, which they can't count afterwards
            finally:
                self._release()
            self.journal.record("driver", "port_closed", device=self.name)

    def check(self) -> None:
        """Raise if the port can't be used.

        Raises:
            PortLost: it hung up or disappeared.
            UsageError: it was never opened, or was closed.
        """
        if self._lost is not None:
            raise PortLost(f"{self.name}: {self.url} was lost: {self._lost}")
        if self._port is None:
            raise UsageError(f"{self.name}: the port is not open")

    # -- Source -------------------------------------------------------------------------------------------------------

    def fileno(self) -> int | None:
        """Return the descriptor to wait on, or None where the kind of port has none."""
        return self._descriptor

    def pump(self) -> bool:
        """Take in what has arrived; return whether anything had. A loss is noted here and raised by the next use."""
        if self._port is None:
            return False
        moved = self._flush_out() if self._out else False
        taken = 0
        while self._port is not None and taken < _READ_LIMIT:
            if self._asks_first and not select.select([self._port.fileno()], [], [], 0)[0]:
                break
            try:
                data = self._port.read(_READ_SIZE)
            except _PORT_ERRORS as problem:
                self._lose(problem)
                return True
            if not data:
                break
            taken += len(data)
            self.bytes_received += len(data)
            self._keep("received", data)
            if self._listener is not None:
                self._listener(data)
            if self._descriptor is not None and len(data) < _READ_SIZE:  # all there was; saves asking once more
                break
        return moved or taken > 0

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, data: bytes, *, within: Duration = "5s") -> None:
        """Send octets; return when the operating system has them all.

        Raises:
            TimeoutExpired: the far end did not take them in time.
            PortLost: the port hung up.
            UsageError: the port is not open.
        """
        self.check()
        self._out += data
        self._flush_out()
        if self._out:
            try:
                self.clock.wait(lambda: not self._out or self._lost is not None, within=within,
                                what=f"room for {len(self._out)} octets in the port of {self.name}",
                                saw=lambda: f"{len(self._out)} octets not taken")
            finally:
                self._out.clear()
        self.check()

    def _flush_out(self) -> bool:
        moved = False
        while self._out and self._port is not None:
            if self._descriptor is not None and not select.select([], [self._descriptor], [], 0)[1]:
                break
            piece = bytes(self._out[:_WRITE_SIZE])
            try:
                count = self._port.write(piece) or 0
            except _PORT_ERRORS as problem:
                self._lose(problem)
                return True
            if count == 0:
                break
            moved = True
            del self._out[:count]
            self.bytes_sent += count
            self._keep("sent", piece[:count])
        return moved

    # -- evidence -----------------------------------------------------------------------------------------------------

    def transcript(self) -> list[Traffic]:
        """Return what crossed the port, oldest first; the last megabyte is kept."""
        return list(self._transcript)

    def _keep(self, direction: Direction, data: bytes) -> None:
        self._transcript.append(Traffic(t=self.clock.now(), direction=direction, data=data))
        self._transcript_octets += len(data)
        while self._transcript_octets > _TRANSCRIPT_OCTETS:
            self._transcript_octets -= len(self._transcript.popleft().data)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _lose(self, problem: BaseException) -> None:
        self._lost = str(problem) or type(problem).__name__
        self._release()
        self.journal.record("driver", "port_lost", device=self.name)

    def _release(self) -> None:
        port, self._port = self._port, None
        self._descriptor = None
        self._out.clear()
        self.clock.unwatch(self)
        if port is not None:
            with contextlib.suppress(*_PORT_ERRORS):
                port.close()
            # what spy:// writes to is left open by pyserial
            output = getattr(getattr(port, "formatter", None), "output", None)
            if output is not None and output is not sys.stderr:
                output.close()


def _hint(problem: BaseException, url: str) -> str:
    """Return what helps somebody whose port can't be opened: what ports there are, or who may open it."""
    number = getattr(problem, "errno", None)
    if number == errno.EACCES:
        with contextlib.suppress(OSError, KeyError):
            group = grp.getgrgid(os.stat(url).st_gid).gr_name
            return f"; it is for members of the group {group!r}"
    if number == errno.ENOENT:
        ports = [f"{port.device} ({port.description})" for port in sorted(list_ports.comports())]
        return f"; there are {', '.join(ports[:_SHOWN])}" if ports else "; this machine has no serial ports"
    return ""


def _descriptor(port: serial.SerialBase) -> int | None:
    try:
        return int(port.fileno())
    except (AttributeError, TypeError, io.UnsupportedOperation, OSError):
        return None
