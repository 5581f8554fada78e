"""TCP connections of a modem, by the procedure that its dialect describes."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import AtPort
from harness.drivers.modem.dialect import TcpProcedure
from harness.drivers.modem.lines import Line, Response
from harness.drivers.modem.sockets import UdpSockets
from harness.errors import CommandFailed, ModemError, TimeoutExpired, UsageError

_KEPT = 16 * 1024 * 1024  # octets received on one connection
_READS = 100_000  # at one go
_SHOWN = 60


class TcpConnection:
    """One connection of the modem to a host. Made by :meth:`Modem.tcp_open`.

    Attributes:
        peer: host and port as they were asked for.
        address: the modem's address in the packet context.
        received: every octet that was read so far.
        is_open: whether octets can be sent.
        ended: why they can't be, in words, if not by :meth:`close`.
    """

    def __init__(self, connections: TcpConnections, number: int, peer: tuple[str, int], address: str) -> None:
        self.peer = peer
        self.address = address
        self.received = b""
        self.is_open = True
        self.ended = ""
        self._connections = connections
        self._number = number
        self._cursor = 0

    def __repr__(self) -> str:
        host, port = self.peer
        return f"TcpConnection({host}:{port}, {len(self.received)} octets received{'' if self.is_open else ', closed'})"

    def __enter__(self) -> TcpConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Send octets, in as many commands as it takes.

        Raises:
            UsageError: there are none, or the connection was closed.
            ModemError: the connection is gone: the peer or the network ended it, or the modem was restarted.
            CommandFailed: the modem could not send them; it may have sent a part.
        """
        self._connections.send(self, self._number, data)

    def expect(self, data: bytes, *, within: Duration = "10s") -> bytes:
        """Return what came up to and with ``data``, from where the last call ended; all stays in :attr:`received`.

        Raises:
            UsageError: no octets to look for.
            TimeoutExpired: it did not come in time; tells what came instead.
            ModemError: the connection ended without it.
            PortLost: the port went away.
        """
        if not data:
            raise UsageError("an expectation needs at least one octet")

        def found() -> bytes | None:
            start = self.received.find(data, self._cursor)
            if start < 0:
                return None
            begin, self._cursor = self._cursor, start + len(data)
            return self.received[begin:self._cursor]

        return self._connections.expect(self, self._number, f"{data[:_SHOWN]!r}", found, within)

    def read(self, count: int, *, within: Duration = "10s") -> bytes:
        """Return the next ``count`` octets; raises as :meth:`expect`."""
        if count < 1:
            raise UsageError(f"at least one octet can be read, not {count}")

        def found() -> bytes | None:
            if len(self.received) - self._cursor < count:
                return None
            begin, self._cursor = self._cursor, self._cursor + count
            return self.received[begin:self._cursor]

        return self._connections.expect(self, self._number, f"{count} octets", found, within)

    def expect_closed(self, *, within: Duration = "10s") -> bytes:
        """Wait until the peer or the network has ended the connection; return what came and nothing looked for.

        Raises:
            TimeoutExpired: it was not ended in time.
            PortLost: the port went away.
        """

        def found() -> bytes | None:
            if self.is_open:
                return None
            begin, self._cursor = self._cursor, len(self.received)
            return self.received[begin:]

        return self._connections.expect(self, self._number, "the end of the connection", found, within)

    def close(self) -> None:
        """Close the connection, and give its socket back. May be called twice."""
        self._connections.close(self, self._number)

    def describe(self) -> str:
        """Return in words what came and nothing looked for, for messages."""
        unread = self.received[self._cursor:]
        if not unread:
            return "nothing"
        return f"{len(unread)} octets that end in {unread[-_SHOWN:]!r}"


class TcpConnections:
    """All connections of one modem, in the context and among the socket numbers of its UDP sockets."""

    def __init__(self, port: AtPort, clock: Clock, sockets: UdpSockets) -> None:
        self._port = port
        self._clock = clock
        self._sockets = sockets
        self._open: dict[int, TcpConnection] = {}
        self._waiting: set[int] = set()
        self._doubtful: set[int] = set()
        self.use(port.dialect.tcp)
        port.subscribe(self._heard)

    def __repr__(self) -> str:
        return f"TcpConnections({list(self._open.values())!r})"

    def use(self, procedure: TcpProcedure | None) -> None:
        """Open, use and close connections by this procedure from now on."""
        self._procedure = procedure
        if procedure is not None:
            self._arrived = re.compile(procedure.arrived)
            self._closed = re.compile(procedure.closed)

    def reset(self) -> None:
        """Forget all connections: the modem was restarted, or another one is at the port."""
        for number in tuple(self._open):
            self._end(number, "the modem was restarted or its port closed")
            self._forget(number)

    def open(self, host: str, port: int, apn: str) -> TcpConnection:
        """Activate the packet context if need be and connect."""
        procedure = self._procedure
        if procedure is None:
            raise UsageError(f"the dialect {self._port.dialect.name!r} knows no connections: name that of the module")
        if not 1 <= port <= 65_535:
            raise UsageError(f"a TCP port is 1 to 65535, not {port}")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}", host):
            raise UsageError(f"a host is a name or an IPv4 address, not {host!r}")
        number = self._sockets.free_number()
        address = self._sockets.activate(apn)
        for template in procedure.prepare:
            self._run(template, socket=number)
        if procedure.create is not None:
            command, pattern = procedure.create
            number = int(_match(pattern, self._run(command).lines, command)["socket"])
        since = self._port.mark()
        try:
            response = self._run(procedure.open, socket=number, host=host, port=port)
            if procedure.opened:
                self._check_opened(response, number, (host, port), since)
        except (CommandFailed, TimeoutExpired, ModemError):
            with contextlib.suppress(CommandFailed):  # it may be there all the same, or half
                self._run(procedure.close, socket=number)
            raise
        connection = self._open[number] = TcpConnection(self, number, (host, port), address)
        self._sockets.reserved.add(number)
        self._waiting.add(number)  # what came with the connection may have been told before its opening was
        return connection

    def _check_opened(self, response: Response, number: int, peer: tuple[str, int], since: int) -> None:
        assert self._procedure is not None
        pattern = self._procedure.opened.replace(r"(?P<socket>\d+)", str(number))
        match = next(filter(None, (re.fullmatch(pattern, line) for line in response.lines)), None)
        if match is None:
            line = self._port.expect_urc("", matching=rf"^(?:{pattern})$", since=since,
                                         within=self._port.dialect.timeout_for(self._procedure.open))
            match = re.fullmatch(pattern, line.text)
        error = match["error"] if match else "0"
        if error != "0":
            raise ModemError(f"{self._port.name} could not connect to {peer[0]}:{peer[1]}: socket error {error}")

    def send(self, connection: TcpConnection, number: int, data: bytes) -> None:
        """Send octets on a connection."""
        if not data:
            raise UsageError("at least one octet can be sent")
        assert self._procedure is not None
        size = self._procedure.max_payload
        for start in range(0, len(data), size):
            self._settle_doubts()
            self._check(connection)
            part = data[start:start + size]
            self._run(self._procedure.send, data=part, socket=number, length=len(part))

    def expect(self, connection: TcpConnection, number: int, what: str, found: Callable[[], bytes | None],
               within: Duration) -> bytes:
        """Read until ``found`` returns something, and return that."""
        deadline = self._clock.now() + to_ns(within)
        while True:
            self._settle_doubts()
            if number in self._waiting and number in self._open:
                self._read(connection, number)
            if (answer := found()) is not None:
                return answer
            if number not in self._waiting:
                self._check(connection)
            host, port = connection.peer
            try:
                self._clock.wait(lambda: number in self._waiting or bool(self._doubtful) or not connection.is_open
                                 or self._gone(), within=max(0, deadline - self._clock.now()) / NANOSECONDS, what=what)
            except TimeoutExpired:
                raise TimeoutExpired(f"{what} from {host}:{port} on {self._port.name}",
                                     within=to_ns(within) / NANOSECONDS, saw=connection.describe()) from None

    def close(self, connection: TcpConnection, number: int) -> None:
        """Close a connection; one that the peer ended still holds a socket on some modules."""
        if self._open.get(number) is not connection:
            return
        assert self._procedure is not None
        open_until_now, connection.is_open = connection.is_open, False
        self._forget(number)
        try:
            self._run(self._procedure.close, socket=number)
        except CommandFailed:
            if open_until_now:
                raise

    # -- inside -------------------------------------------------------------------------------------------------------

    def _read(self, connection: TcpConnection, number: int) -> None:
        """Read what the modem holds for a connection. One that the peer has ended may be gone with all it held."""
        assert self._procedure is not None
        self._waiting.discard(number)
        for _ in range(_READS):
            try:
                response = self._run(self._procedure.read, socket=number)
            except CommandFailed:  # some modules refuse where there is nothing
                return
            if not response.blocks or not response.blocks[0]:
                return
            connection.received += response.blocks[0]
            if len(connection.received) > _KEPT:
                raise ModemError(f"more than {_KEPT} octets came on one connection of {self._port.name}")
            left = next(filter(None, (re.fullmatch(self._procedure.left, line) for line in response.lines)), None)
            if left is not None and left["left"] == "0":
                return

    def _settle_doubts(self) -> None:
        """Ask which connection it was that ended, where the modem does not tell.

        What waits is read first: a connection whose peer is gone counts as open while there is something to read.
        """
        assert self._procedure is not None
        while self._doubtful:
            number = self._doubtful.pop()
            if number in self._open and self._procedure.state is not None:
                self._read(self._open[number], number)
                command, pattern = self._procedure.state
                if any(re.fullmatch(pattern, line) for line in self._run(command, socket=number).lines):
                    self._end(number, "the peer or the network closed it")

    def _run(self, template: str, *, data: bytes | None = None, **values: str | int) -> Response:
        return self._port.command(template.format(**values), data=data)

    def _heard(self, line: Line) -> None:
        if self._procedure is None or not self._open:
            return
        if match := self._arrived.fullmatch(line.text):
            self._waiting.add(int(match["socket"]))
        elif match := self._closed.fullmatch(line.text):
            if (number := match.groupdict().get("socket")) is None:
                self._doubtful.update(self._open)
            else:
                self._end(int(number), "the peer or the network closed it")
        elif self._sockets.is_context_lost(line):
            for number in tuple(self._open):
                self._end(number, "the network ended the packet context")

    def _end(self, number: int, why: str) -> None:
        connection = self._open.get(number)
        if connection is not None and connection.is_open:
            connection.is_open = False
            connection.ended = why
            self._waiting.add(number)  # what it holds can still be read

    def _forget(self, number: int) -> None:
        del self._open[number]
        self._waiting.discard(number)
        self._doubtful.discard(number)
        self._sockets.reserved.discard(number)

    def _gone(self) -> bool:
        self._port.channel.check()
        if self._port.restarted:
            self.reset()
        return self._port.restarted

    def _check(self, connection: TcpConnection) -> None:
        host, port = connection.peer
        if connection.ended:
            raise ModemError(f"the connection of {self._port.name} to {host}:{port} is gone: {connection.ended}; "
                             f"unread: {connection.describe()}")
        if not connection.is_open:
            raise UsageError(f"the connection of {self._port.name} to {host}:{port} is closed")


def _match(pattern: str, lines: tuple[str, ...], command: str) -> re.Match[str]:
    found = next(filter(None, (re.fullmatch(pattern, line) for line in lines)), None)
    if found is None:
        raise ModemError(f"{command!r} was answered without the number of a socket: {lines}")
    return found
