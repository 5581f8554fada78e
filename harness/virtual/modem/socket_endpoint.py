"""A stream socket as the far end of a serial line: TCP on loopback, a unix socket, or an abstract one.

One client has the line at a time; a further one is turned away at once, as a busy port is. What the module says while
nobody is connected is lost, as on a wire.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from harness.errors import PortTaken, UsageError
from harness.virtual.modem.outlet import Outlet
from harness.virtual.world import World

_CHUNK = 65_536
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST_PATH = 107  # octets of a unix socket's name on Linux (unix(7))


class SocketEndpoint:
    """One port.

    Args:
        world: whose reactor serves it.
        address: ``tcp:HOST:PORT`` (loopback; port 0 takes any free one), ``unix:/path`` or ``abstract:name``.
        receive: takes what the client sends, in a turn of the world.
        lost: called when output is lost because the client does not read, once until it reads again.

    Attributes:
        address: where clients connect to, with the port it really has.
        bytes_received: octets taken from clients so far.

    Raises:
        PortTaken: somebody listens there, or a file is in the way.
        UsageError: the address has none of these forms, or is not on this machine.
    """

    def __init__(self, world: World, address: str, *, receive: Callable[[bytes], None],
                 lost: Callable[[], None] | None = None) -> None:
        self.bytes_received = 0
        self.unplugged = False  # turn away whoever comes
        self.on_open: Callable[[], None] | None = None
        self.on_close: Callable[[], None] | None = None
        self._world = world
        self._receive = receive
        self._outlet = Outlet(world.reactor, self._read, lost)
        self._client: socket.socket | None = None
        self._path: Path | None = None
        kind, _, where = address.partition(":")
        self._listener = self._listen(kind, where, address)
        self._listener.setblocking(False)
        self.address = address
        if kind == "tcp":
            host, port = self._listener.getsockname()[:2]
            self.address = f"tcp:{host}:{port}"
        self._closed = False
        world.reactor.add(self._listener.fileno(), self._accept)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._client is not None else "no client"
        return f"SocketEndpoint({self.address!r}, {state})"

    @property
    def bytes_sent(self) -> int:
        """Octets really handed to the kernel for clients so far."""
        return self._outlet.sent

    @property
    def is_open(self) -> bool:
        """Whether a client is connected now."""
        return self._client is not None

    @property
    def backlog(self) -> int:
        """Octets that wait for a client that does not read."""
        return self._outlet.backlog

    def listen(self, listening: bool) -> None:
        """Take octets from the client, or leave them where they are; it has to wait when there is no room for more."""
        self._outlet.listen(listening)

    def send(self, data: bytes) -> None:
        """Send to the client; lost if there is none."""
        self._outlet.write(data)

    def hang_up(self) -> None:
        """Turn the client out; others may come."""
        if self._client is not None:
            self._hung_up()

    def close(self) -> None:
        """Hang up and listen no more. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._world.reactor.remove(self._listener.fileno())
        self._listener.close()
        if self._client is not None:
            self._outlet.close()
            self._client.close()
            self._client = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _listen(self, kind: str, where: str, address: str) -> socket.socket:
        if kind == "tcp":
            host, _, port = where.rpartition(":")
            if host not in _LOOPBACK or not port.isdecimal() or int(port) > 65_535:
                raise UsageError(f"a modem's TCP port is tcp:127.0.0.1:PORT, on loopback only: not {address!r}")
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return _bound(socket.socket(family, socket.SOCK_STREAM), (host, int(port)), address)
        if kind == "unix":
            path = Path(where)
            if not path.parent.is_dir() or not 0 < len(os.fsencode(where)) <= _LONGEST_PATH:
                raise UsageError(f"a unix socket needs a folder that exists and at most {_LONGEST_PATH} octets: "
                                 f"not {address!r}")
            _remove_stale(path)
            listener = _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), where, address)
            self._path = path
            return listener
        if kind == "abstract" and 0 < len(os.fsencode(where)) <= _LONGEST_PATH:
            return _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), "\0" + where, address)
        raise UsageError(f"a modem's port is tcp:127.0.0.1:PORT, unix:/path or abstract:name: not {address!r}")

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:  # it went before we came
            return
        if self._client is not None or self.unplugged:
            client.close()
            return
        client.setblocking(False)
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._outlet.open(client.fileno())
        if self.on_open is not None:
            self.on_open()

    def _read(self) -> None:
        if self._client is None:
            return
        try:
            data = self._client.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hung_up()
            return
        self.bytes_received += len(data)
        self._receive(data)

    def _hung_up(self) -> None:
        self._outlet.close()
        if self._client is not None:
            self._client.close()
        self._client = None
        if self.on_close is not None:
            self.on_close()


def _bound(listener: socket.socket, name: tuple[str, int] | str, address: str) -> socket.socket:
    try:
        if listener.family != socket.AF_UNIX:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(name)
        listener.listen(4)
    except OSError as error:
        listener.close()
        raise PortTaken(f"can't listen on {address}: {error.strerror}") from None
    return listener


def _remove_stale(path: Path) -> None:
    """Remove a socket that a killed process left; nothing else, and not one that somebody listens on."""
    if not path.is_socket():
        if path.exists() or path.is_symlink():
            raise PortTaken(f"{path} exists and is no socket: choose another name")
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
    raise PortTaken(f"somebody listens on {path}: choose another name")
