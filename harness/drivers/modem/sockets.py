"""UDP sockets of a modem, by the procedure that its dialect describes."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import AtPort
from harness.drivers.modem.dialect import UdpProcedure
from harness.drivers.modem.lines import Line, Response
from harness.errors import CommandFailed, ModemError, TimeoutExpired, UsageError

Address = tuple[str, int]

_KEPT = 10_000  # datagrams


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDatagram:
    """A datagram that a socket received; ``source`` is None where the modem does not tell it."""

    t: int
    payload: bytes
    source: Address | None


class UdpSocket:
    """One socket of the modem, bound to a local port. Made by :meth:`Modem.udp_open`.

    Attributes:
        port: the local port.
        address: the modem's address in the packet context.
        is_open: whether it can be used.
        ended: why it can't be, in words, if not by :meth:`close`.
    """

    def __init__(self, sockets: UdpSockets, number: int, port: int, address: str) -> None:
        self.port = port
        self.address = address
        self._sockets = sockets
        self._number = number
        self._received: deque[ReceivedDatagram] = deque(maxlen=_KEPT)
        self._count = 0
        self._cursor = 0
        self.is_open = True
        self.ended = ""

    def __repr__(self) -> str:
        return f"UdpSocket(port={self.port}, {self._count} datagrams received{'' if self.is_open else ', closed'})"

    def __enter__(self) -> UdpSocket:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def received(self) -> list[ReceivedDatagram]:
        """All datagrams received so far, oldest first; the last 10,000 are kept."""
        return list(self._received)

    def send(self, payload: bytes, *, to: Address) -> None:
        """Send a datagram.

        Raises:
            UsageError: the payload is empty or too long, or the socket is closed.
            ModemError: the socket is gone: the network ended it, or the modem was restarted.
            CommandFailed: the modem could not send it.
        """
        self._sockets.send(self, self._number, payload, to)

    def expect(self, payload: bytes | None = None, *, within: Duration = "10s") -> ReceivedDatagram:
        """Return the next datagram, or the next one with this payload. What was skipped stays in :attr:`received`.

        Raises:
            TimeoutExpired: it did not come in time; tells what came instead.
            ModemError: the socket is gone: the network ended it, or the modem was restarted.
            PortLost: the port went away.
        """
        return self._sockets.expect(self, self._number, payload, within)

    def close(self) -> None:
        """Close the socket. May be called twice.

        Raises:
            CommandFailed: the modem refused.
        """
        self._sockets.close(self, self._number)

    # -- for UdpSockets -----------------------------------------------------------------------------------------------

    def add(self, datagram: ReceivedDatagram) -> None:
        """Keep a datagram that was read."""
        self._received.append(datagram)
        self._count += 1

    def next_match(self, payload: bytes | None) -> ReceivedDatagram | None:
        """Return the next datagram that fits and move on behind it, or None."""
        first = self._count - len(self._received)
        for position, datagram in enumerate(self._received, start=first):
            if position >= self._cursor and payload in (None, datagram.payload):
                self._cursor = position + 1
                return datagram
        return None

    def describe(self) -> str:
        """Return in words what came, for messages."""
        if not self._received:
            return "no datagram"
        return ", ".join(repr(datagram.payload[:40]) for datagram in list(self._received)[-3:])


class UdpSockets:
    """All UDP sockets of one modem.

    Attributes:
        reserved: numbers of sockets that are used otherwise.
    """

    def __init__(self, port: AtPort, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self.use(port.dialect.udp)
        self._open: dict[int, UdpSocket] = {}
        self._waiting: set[int] = set()
        self.reserved: set[int] = set()
        port.subscribe(self._heard)

    def __repr__(self) -> str:
        return f"UdpSockets({list(self._open.values())!r})"

    def use(self, procedure: UdpProcedure) -> None:
        """Open, use and close sockets by this procedure from now on."""
        self._procedure = procedure
        self._arrived = re.compile(procedure.arrived)
        self._closed = re.compile(procedure.closed)
        self._context_lost = re.compile(procedure.context_lost)

    def reset(self) -> None:
        """Forget all sockets: the modem was restarted, or another one is at the port."""
        for number in tuple(self._open):
            self._drop(number, "the modem was restarted or its port closed")
        self._waiting.clear()

    def open(self, port: int, apn: str) -> UdpSocket:
        """Activate the packet context if need be and open a socket bound to ``port``."""
        if not 1 <= port <= 65_535:
            raise UsageError(f"a UDP port is 1 to 65535, not {port}")
        procedure = self._procedure
        number = self.free_number()
        address = self.activate(apn)
        for template in procedure.prepare:
            self._run(template, socket=number, port=port, apn=apn)
        since = self._port.mark()
        response = self._run(procedure.open, socket=number, port=port, apn=apn)
        if procedure.opened:
            number = self._outcome(response, number, port, since)
        socket = self._open[number] = UdpSocket(self, number, port, address)
        return socket

    def free_number(self) -> int:
        """Return the number of a socket that is not in use; raises UsageError if all are."""
        sockets = self._procedure.sockets
        if not sockets:
            raise UsageError(f"the dialect {self._port.dialect.name!r} knows no sockets: name that of the module")
        number = next((n for n in sockets if n not in self._open and n not in self.reserved), None)
        if number is None:
            raise UsageError(f"all {len(sockets)} sockets of {self._port.name} are open")
        return number

    def _outcome(self, response: Response, number: int, port: int, since: int) -> int:
        """Return the number of the socket that was opened, told in the response or after it."""
        procedure = self._procedure
        # without {socket} in its command, the modem chooses the number
        opened = _number(procedure.opened, number) if "{socket}" in procedure.open else procedure.opened
        match = next(filter(None, (re.fullmatch(opened, line) for line in response.lines)), None)
        if match is None:
            line = self._port.expect_urc("", matching=rf"^(?:{opened})$", since=since,
                                         within=self._port.dialect.timeout_for(procedure.open))
            match = re.fullmatch(opened, line.text)
        groups = match.groupdict() if match else {}
        error = groups.get("error") or "0"
        if error != "0":
            raise ModemError(f"{self._port.name} could not open UDP port {port}: socket error {error}")
        return int(groups.get("socket") or number)

    def send(self, socket: UdpSocket, number: int, payload: bytes, to: Address) -> None:
        """Send a datagram on a socket."""
        self._check(socket)
        if not 1 <= len(payload) <= self._procedure.max_payload:
            raise UsageError(f"a datagram is 1 to {self._procedure.max_payload} octets here, not {len(payload)}")
        if not 1 <= to[1] <= 65_535:
            raise UsageError(f"a UDP port is 1 to 65535, not {to[1]}")
        for template in self._procedure.before_send:
            self._run(template, socket=number, length=len(payload), ip=to[0], port=to[1])
        self._run(self._procedure.send, data=payload, socket=number, length=len(payload), ip=to[0], port=to[1])

    def expect(self, socket: UdpSocket, number: int, payload: bytes | None, within: Duration) -> ReceivedDatagram:
        """Return the next datagram of a socket that fits."""
        deadline = self._clock.now() + to_ns(within)
        while True:
            if number in self._waiting and socket.is_open:
                self._read(socket, number)
            if (datagram := socket.next_match(payload)) is not None:
                return datagram
            self._check(socket)
            left = max(0, deadline - self._clock.now())
            what = "a datagram" if payload is None else f"datagram {payload[:40]!r}"
            try:
                self._clock.wait(lambda: number in self._waiting or not socket.is_open or self._gone(),
                                 within=left / NANOSECONDS, what=what)
            except TimeoutExpired:
                raise TimeoutExpired(f"{what} at UDP port {socket.port} of {self._port.name}",
                                     within=to_ns(within) / NANOSECONDS, saw=socket.describe()) from None

    def close(self, socket: UdpSocket, number: int) -> None:
        """Close a socket."""
        if socket.is_open:
            socket.is_open = False
            self._open.pop(number, None)
            self._waiting.discard(number)
            self._run(self._procedure.close, socket=number)

    def activate(self, apn: str) -> str:
        """Activate the packet context if it is not, and return its address.

        Raises:
            CommandFailed, TimeoutExpired: modem or network refused.
            ModemError: the modem tells no address.
        """
        procedure = self._procedure
        if (address := self._address()) is not None:
            return address
        for template in procedure.configure:
            self._run(template, apn=apn)
        since = self._port.mark()
        self._run(procedure.activate, apn=apn)
        if procedure.activated:
            self._port.expect_urc("", matching=rf"^(?:{procedure.activated})$", since=since,
                                  within=self._port.dialect.timeout_for(procedure.activate))
        if (address := self._address()) is not None:
            return address
        raise ModemError(f"{self._port.name} activated packet context {procedure.context} but tells no address of it")

    def is_context_lost(self, line: Line) -> bool:
        """Tell whether a line says that the network ended the packet context that is used here."""
        match = self._context_lost.fullmatch(line.text)
        return match is not None and self._is_ours(match)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _address(self) -> str | None:
        """Return the address of the context, None if it is not active."""
        found = self._ask(self._procedure.active)
        if found is None or self._procedure.address is None:
            return found
        return self._ask(self._procedure.address)

    def _ask(self, question: tuple[str, str]) -> str | None:
        query, pattern = question
        try:
            lines = self._port.command(query).lines
        except CommandFailed:  # some modules refuse to tell while there is none
            return None
        for line in lines:
            match = re.fullmatch(pattern, line)
            if match and self._is_ours(match):
                return match.groupdict().get("ip") or ""
        return None

    def _is_ours(self, match: re.Match[str]) -> bool:
        context = match.groupdict().get("context")
        return context is None or int(context) == self._procedure.context

    def _read(self, socket: UdpSocket, number: int) -> None:
        self._waiting.discard(number)
        for _ in range(_KEPT):
            try:
                response = self._port.command(self._procedure.read.format(socket=number))
            except CommandFailed:
                if self._procedure.empty_fails:
                    return
                raise
            if not response.blocks:
                return
            match = next(filter(None, (re.fullmatch(self._procedure.read_header, line) for line in response.lines)),
                         None)
            groups = match.groupdict() if match else {}
            source = (str(groups["ip"]), int(groups["port"] or 0)) if groups.get("ip") else None
            socket.add(ReceivedDatagram(t=self._clock.now(), payload=response.blocks[0], source=source))
            if groups.get("left") == "0":
                return

    def _run(self, template: str, *, data: bytes | None = None, **values: str | int) -> Response:
        return self._port.command(template.format(**values), data=data)

    def _heard(self, line: Line) -> None:
        if match := self._arrived.fullmatch(line.text):
            self._waiting.add(int(match["socket"]))
        elif match := self._closed.fullmatch(line.text):
            self._drop(int(match["socket"]), "the network closed it")
        elif self.is_context_lost(line):
            for number in tuple(self._open):
                self._drop(number, "the network ended the packet context")

    def _drop(self, number: int, why: str) -> None:
        socket = self._open.pop(number, None)
        if socket is not None:
            socket.is_open = False
            socket.ended = why

    def _gone(self) -> bool:
        self._port.channel.check()
        if self._port.restarted:
            self.reset()
        return self._port.restarted

    def _check(self, socket: UdpSocket) -> None:
        if socket.ended:
            raise ModemError(f"the socket on UDP port {socket.port} of {self._port.name} is gone: {socket.ended}")
        if not socket.is_open:
            raise UsageError(f"the socket on UDP port {socket.port} of {self._port.name} is closed")


def _number(pattern: str, number: int) -> str:
    """Return ``pattern`` with its group ``socket`` fixed to one number."""
    return pattern.replace(r"(?P<socket>\d+)", str(number))
