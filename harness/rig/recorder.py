"""A recorder between a program and a real modem, and a port at which a recording is replayed for any program."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import serial

from harness.clock import RealClock
from harness.errors import FormatError, ModemError, UsageError
from harness.formats.recording import Direction, Piece, Recording
from harness.virtual.modem.outlet import Outlet
from harness.virtual.modem.pty_endpoint import PtyEndpoint
from harness.virtual.modem.replay import ReplayedModem
from harness.virtual.world import World

_CHUNK = 65_536


def read_recording(path: Path) -> Recording:
    """Return the recording in a file.

    Raises:
        UsageError: it can't be read.
        FormatError: it is no recording; says which file and line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"can't read {path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise FormatError(f"{path} is no recording: {problem}") from problem
    try:
        return Recording.parse(text)
    except FormatError as problem:
        raise FormatError(f"{path}: {problem}") from problem


class Recorder:
    """Passes octets between a modem and whoever opens ``link``, and writes them down, until it is closed.

    Args:
        port: device or pyserial URL of the modem; one that has a file descriptor.
        file: where to; each piece is in it as soon as it was passed on. It must not exist.
        link: name of the symbolic link for the program.
        gone: called once if the modem's port is lost.

    Attributes:
        pieces: how many were recorded.

    Raises:
        ModemError: the modem's port can't be opened.
        PortTaken: the link's name is in use.
        UsageError: no such kind of port, or the file exists or can't be made.
    """

    def __init__(self, port: str, file: Path, link: Path, *, baudrate: int = 115_200,
                 gone: Callable[[], None] = lambda: None) -> None:
        self.pieces = 0
        self._gone = gone
        self._port = _open_port(port, baudrate)
        self._file: TextIO | None = None
        self._world = World(clock=RealClock())
        self._outlet = Outlet(self._world.reactor, self._from_modem, None)
        self._start = -1
        self._endpoint: PtyEndpoint | None = None
        try:
            os.set_blocking(self._port.fileno(), False)
            self._file = _make_file(file, port)
            self._endpoint = PtyEndpoint(self._world, link, receive=self._from_program, hold=True)
            with self._world.turn():
                self._outlet.open(self._port.fileno())
            self._world.start()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"Recorder({self._port.name!r}, {self.pieces} pieces)"

    def close(self) -> None:
        """Stop, and give both ports back. May be called twice."""
        with self._world.turn():
            self._outlet.close()
            if self._endpoint is not None:
                self._endpoint.close()
        self._world.close()
        self._port.close()
        if self._file is not None:
            self._file.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _from_program(self, data: bytes) -> None:
        self._write("sent", data)
        self._outlet.write(data)

    def _from_modem(self) -> None:
        try:
            data = os.read(self._port.fileno(), _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._outlet.close()
            self._gone()
            return
        self._write("received", data)
        if self._endpoint is not None:
            self._endpoint.send(data)

    def _write(self, direction: Direction, data: bytes) -> None:
        now = self._world.now()
        if self._start < 0:
            self._start = now
        self.pieces += 1
        if self._file is not None:
            self._file.write(f"{Piece(t=now - self._start, direction=direction, data=data)}\n")
            self._file.flush()


class Replay:
    """A recording at a port of its own, in real time, until it is closed.

    Raises:
        PortTaken: the link's name is in use.
        UsageError, FormatError: the file can't be read, or is no recording.
    """

    def __init__(self, file: Path, link: Path, *, pace: float = 1.0) -> None:
        recording = read_recording(file)
        self._world = World(clock=RealClock())
        try:
            with self._world.turn():
                self.modem = ReplayedModem(self._world, recording, link, name=file.stem, pace=pace)
            self._world.start()
        except BaseException:
            self._world.close()
            raise

    def __repr__(self) -> str:
        return f"Replay({self.modem!r})"

    def close(self) -> None:
        """Take the port away. May be called twice."""
        with self._world.turn():
            self.modem.close()
        self._world.close()


def _open_port(url: str, baudrate: int) -> serial.SerialBase:
    try:
        port = serial.serial_for_url(url, baudrate=baudrate, timeout=0)
    except ValueError as problem:
        raise UsageError(f"{url!r} is no serial port URL: {problem}") from problem
    except OSError as problem:  # what pyserial raises is one
        raise ModemError(f"can't open {url}: {re.sub(r'^[^:]*: *', '', str(problem)) or problem}") from problem
    try:
        port.fileno()
    except (AttributeError, OSError, ValueError):
        port.close()
        raise UsageError(f"{url} has no file descriptor: record at a device or at socket://HOST:PORT") from None
    return port


def _make_file(path: Path, port: str) -> TextIO:
    try:
        file = path.open("x", encoding="ascii")
    except OSError as problem:
        raise UsageError(f"can't make {path}: {problem.strerror}") from problem
    file.write(f"# what crossed {port.encode('ascii', 'replace').decode()}: seconds, > to the modem or < from it\n")
    return file
