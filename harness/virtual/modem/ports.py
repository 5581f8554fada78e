"""The doors of a module: its AT ports, and what a line at the wrong speed does to the octets on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.virtual.modem.output import OutputQueue
from harness.virtual.modem.pty_endpoint import PtyEndpoint
from harness.virtual.modem.socket_endpoint import SocketEndpoint

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem


class _Wire:
    """The way from a port to its client and back. Implements :class:`~harness.virtual.modem.data_mode.Wire`."""

    def __init__(self, endpoint: PtyEndpoint | SocketEndpoint, output: OutputQueue) -> None:
        self._endpoint = endpoint
        self._output = output

    @property
    def backlog(self) -> int:
        return self._output.queued + self._endpoint.backlog

    def listen(self, listening: bool) -> None:
        self._endpoint.listen(listening)


class Ports:
    """The endpoints of one modem, each with an AT port of its own behind it.

    Args:
        garble: whether a client whose line speed is not that of +IPR reads and writes rubbish, as on a real UART; the
            speed of a pseudo-terminal is otherwise nobody's business.
    """

    def __init__(self, modem: VirtualModem, *, garble: bool) -> None:
        self._modem = modem
        self._garble = garble
        self._ptys: list[PtyEndpoint] = []
        self._sockets: list[SocketEndpoint] = []
        self.line_speed: int | None = None  # of the module's UART, if it is not what +IPR says

    def __repr__(self) -> str:
        return f"Ports({[*self._ptys, *self._sockets]})"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where clients find them: paths of links, ``tcp:HOST:PORT``, ``unix:PATH``, ``abstract:NAME``."""
        return (*(str(pty.path) for pty in self._ptys), *(endpoint.address for endpoint in self._sockets))

    @property
    def connected(self) -> int:
        """How many of them have a client now."""
        return sum(pty.is_open for pty in self._ptys) + sum(endpoint.is_open for endpoint in self._sockets)

    def open(self, address: str | Path, *, hold: bool = False) -> PtyEndpoint | SocketEndpoint:
        """Open another port: a path, or ``pty:PATH``, is a link to a terminal; else see :class:`SocketEndpoint`.

        Raises:
            PortTaken: its name is in use.
            UsageError: it is no such address.
        """
        text = str(address)
        if isinstance(address, str) and text.partition(":")[0] in ("tcp", "unix", "abstract"):
            socket = SocketEndpoint(self._modem.world, text, receive=lambda data: session.receive(data),
                                    lost=self._lost)
            session = self._modem.add_port(socket.send)
            session.wire = _Wire(socket, session.output)
            socket.on_close = session.client_gone
            self._sockets.append(socket)
            return socket
        path = Path(text.removeprefix("pty:"))
        pty = PtyEndpoint(self._modem.world, path, receive=lambda data: session.receive(self._heard(pty, data)),
                          hold=hold, lost=self._lost)
        session = self._modem.add_port(lambda data: pty.send(self._heard(pty, data)))
        session.wire = _Wire(pty, session.output)
        pty.on_close = session.client_gone
        self._ptys.append(pty)
        return pty

    def hang_up(self) -> None:
        """Let every client lose its connection, as when a cable or a hub fails; they may come back at once.

        A terminal is replaced by another one behind the same link.
        """
        for pty in self._ptys:
            pty.hang_up()
        for socket in self._sockets:
            socket.hang_up()

    def unplug(self) -> None:
        """Take the terminals away, links and all; clients of sockets are turned out."""
        for pty in self._ptys:
            pty.close()
        for socket in self._sockets:
            socket.hang_up()
            socket.unplugged = True

    def plug(self) -> None:
        """Bring the terminals back behind their links."""
        for pty in self._ptys:
            pty.plug()
        for socket in self._sockets:
            socket.unplugged = False

    def close(self) -> None:
        """Close everything. May be called twice."""
        for pty in self._ptys:
            pty.close()
        for socket in self._sockets:
            socket.close()

    def _lost(self) -> None:
        self._modem.record("output_lost")

    def _heard(self, pty: PtyEndpoint, data: bytes) -> bytes:
        """Return octets as they arrive over the line: rubbish if the two ends do not agree on its speed."""
        if not self._garble and self.line_speed is None:
            return data
        ours, theirs = self.line_speed or self._modem.settings.number("+IPR"), pty.bits_per_second
        if not ours or not theirs or ours == theirs:
            return data
        stream = self._modem.world.random(f"modem.{self._modem.name}.line")
        return bytes(octet ^ stream.randrange(1, 256) | 0x80 for octet in data)
