"""The unix socket between a debugger's process and the board's: a server in the board's world, a client in the probe.

The server lives on the reactor of its world, so it serves whenever that world does: at once in real time, during waits
in virtual time. It serves one debugger; the next one is told that the board is busy.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import FormatError, PortTaken, ProbeError, UsageError
from harness.virtual.board.debug import registry, wire
from harness.virtual.board.debug.operations import Fault, Operation

if TYPE_CHECKING:
    from harness.virtual.board.debug.port import DebugPort
    from harness.virtual.world import World

SUFFIX = ".swd"
"""What the names of the sockets end with."""

_CHUNK = 65_536
_OUTPUT_LIMIT = 4 * wire.MAX_FRAME
_CONNECT_SECONDS, _REPLY_SECONDS = 3.0, 10.0


def socket_uid(path: Path) -> str:
    """Return the unique id of the probe behind a socket: ``mvh:STACK/BOARD``."""
    return f"{registry.PREFIX}{path.parent.name}/{path.name.removesuffix(SUFFIX)}"


class SwdServer:
    """Serves the debug port of one board on a unix socket.

    Args:
        path: where to listen; ``STACK/BOARD.swd`` in the runtime folder is where probes look.

    Raises:
        PortTaken: something is there already.
    """

    def __init__(self, world: World, port: DebugPort, path: Path) -> None:
        self.path = path
        self._world = world
        self._port = port
        self._client: _Connection | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(os.fspath(path))
        except OSError as error:
            self._listener.close()
            raise PortTaken(f"can't listen on {path}: {error.strerror or error}") from None
        os.chmod(path, 0o600)
        self._listener.setblocking(False)
        self._listener.listen(4)
        registry.add_own_socket(path)
        world.reactor.add(self._listener.fileno(), self._accept)

    def __repr__(self) -> str:
        return f"SwdServer({str(self.path)!r}, {'in use' if self._client else 'free'})"

    def close(self) -> None:
        """Hang up and remove the socket. May be called twice."""
        if self._listener.fileno() < 0:
            return
        with self._world.lock:
            self._world.reactor.remove(self._listener.fileno())
            if self._client is not None:
                self._client.close()
            self._listener.close()
        registry.remove_own_socket(self.path)
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            try:
                self._port.claim("another debugger")
            except ProbeError as error:
                with contextlib.suppress(OSError):  # it went away, or does not read: it is refused either way
                    client.send(wire.frame(wire.encode_greeting(wire.Status.REFUSED, str(error))))
                client.close()
                return
            self._client = _Connection(self._world, self._port, client, self._left)
            self._client.send(wire.encode_greeting(wire.Status.OK, self._port.name))

    def _left(self) -> None:
        self._client = None
        self._port.release()


class _Connection:
    """One debugger at the server."""

    def __init__(self, world: World, port: DebugPort, client: socket.socket, left: Callable[[], None]) -> None:
        self._world = world
        self._port = port
        self._socket = client
        self._left = left
        self._input = bytearray()
        self._output = bytearray()
        world.reactor.add(client.fileno(), self._readable)

    def close(self) -> None:
        if self._socket.fileno() < 0:
            return
        self._world.reactor.remove(self._socket.fileno())
        self._socket.close()
        self._left()

    def send(self, body: bytes) -> None:
        self._output += wire.frame(body)
        self._writable()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._input += data
        try:
            while self._socket.fileno() >= 0 and (body := wire.take_frame(self._input)) is not None:
                self.send(wire.encode_reply(self._serve(body)))
        except FormatError:
            self.close()  # out of step: nothing that follows can be understood

    def _serve(self, body: bytes) -> wire.Reply:
        try:
            words = self._port.execute(wire.decode_request(body), may_wait=False)
        except Fault as fault:
            return wire.Reply(status=wire.Status.FAULT, words=tuple(fault.results), text=str(fault))
        except (UsageError, ProbeError) as error:
            return wire.Reply(status=wire.Status.REFUSED, text=str(error))
        return wire.Reply(status=wire.Status.OK, words=tuple(words))

    def _writable(self) -> None:
        try:
            while self._output:
                del self._output[:self._socket.send(self._output)]
        except BlockingIOError:
            if len(self._output) > _OUTPUT_LIMIT:
                self.close()  # it asks without reading the answers
                return
        except OSError:
            self.close()
            return
        self._world.reactor.add(self._socket.fileno(), self._readable, self._writable if self._output else None)


class RemoteLink:
    """A claimed debug port of a board in another process.

    Raises:
        ProbeError: nobody answers there, or another debugger has the board.
    """

    batched = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._input = bytearray()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(_CONNECT_SECONDS)
            self._socket.connect(os.fspath(path))
            status, text = wire.decode_greeting(self._receive())
            if status is not wire.Status.OK:
                raise ProbeError(text)
            self._socket.settimeout(_REPLY_SECONDS)
        except TimeoutError:
            self.close()
            raise ProbeError(f"no answer on {path}: does the world of the board stand still?") from None
        except (OSError, FormatError) as error:
            self.close()
            raise ProbeError(f"can't reach the board on {path}: {error}") from None
        except ProbeError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"RemoteLink({str(self._path)!r})"

    def execute(self, operations: Sequence[Operation]) -> list[int]:
        """Carry out the operations in order and return all words read; raises Fault, ProbeError."""
        if self._socket.fileno() < 0:
            raise ProbeError("the debug probe is closed")
        try:
            self._socket.sendall(wire.frame(wire.encode_request(operations)))
            reply = wire.decode_reply(self._receive())
        except TimeoutError:
            self.close()
            raise ProbeError(f"no answer on {self._path} within {_REPLY_SECONDS:g} s") from None
        except (OSError, FormatError) as error:
            self.close()
            raise ProbeError(f"lost the board on {self._path}: {error}") from None
        if reply.status is wire.Status.FAULT:
            raise Fault(reply.text, reply.words)
        if reply.status is wire.Status.REFUSED:
            raise ProbeError(reply.text)
        return list(reply.words)

    def close(self) -> None:
        """Hang up, so that others can claim the board. May be called twice."""
        self._socket.close()

    def _receive(self) -> bytes:
        while (body := wire.take_frame(self._input)) is None:
            data = self._socket.recv(_CHUNK)
            if not data:
                raise ConnectionResetError("it hung up")
            self._input += data
        return body
