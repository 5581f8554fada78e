"""The network's end of a dial-up client's TCP: segments in, connections of the packet context out, and back.

Theory of operation. The client has a TCP of its own, the virtual internet has connections; each connection of the
client ends here and goes on as one of the context's. The client's SYN is answered when the host has answered, so a
refusal is seen as one. What arrives in order is handed on, and acknowledged when it has reached the host; all else is
dropped and comes again. What the host sends is kept until the client has acknowledged it, within the window it offers,
and repeated with growing pauses (RFC 9293 clause 3.8, RFC 6298). There is no congestion control: behind the port is one
serial line.

Each side may close its half while the other goes on.

Limits: connections are opened by the client only, and urgent data is data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from harness.formats import ipv4
from harness.formats.ipv4 import ACK, FIN, PSH, RST, SYN
from harness.virtual.internet.seams import Address, CloseReason, TcpConnection
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MAX_CONNECTIONS: Final = 64
_MAX_UNSENT: Final = 1 << 18  # octets kept for a client that does not read, until the host has to wait
_SEGMENT: Final = 1_460
_SMALLEST_SEGMENT: Final = 536  # what a client that says nothing takes (RFC 9293 clause 3.7.1)
_FIRST_REPEAT: Final = 1_000_000_000  # nanoseconds (RFC 6298 clause 2)
_LONGEST_REPEAT: Final = 60_000_000_000
_REPEATS: Final = 8
_LINGER: Final = 60_000_000_000  # for the client's own end of a connection that the host has closed
_GIVEN_UP: Final = 1_800_000_000_000  # until a client has forgotten a connection on which nobody answers
_MASK: Final = 0xFFFFFFFF


class TcpGateway:
    """All TCP connections of one dial-up link.

    Args:
        cid: the packet context they go out on.
        deliver: takes packets for the client.
    """

    def __init__(self, modem: VirtualModem, cid: int, deliver: Callable[[ipv4.Packet], None]) -> None:
        self.modem = modem
        self.cid = cid
        self.deliver = deliver
        self._connections: dict[tuple[int, Address], _Connection] = {}

    def __repr__(self) -> str:
        return f"TcpGateway({len(self._connections)} connections)"

    def receive(self, packet: ipv4.Packet) -> None:
        """Take a packet of the client with a TCP segment in it.

        Raises:
            FormatError: it is damaged.
        """
        segment = ipv4.parse_tcp(packet)
        key = segment.source, (packet.destination, segment.destination)
        connection = self._connections.get(key)
        if connection is not None:
            connection.take(segment)
        elif segment.flags & (SYN | ACK | RST) == SYN and len(self._connections) < _MAX_CONNECTIONS:
            self._connections[key] = _Connection(self, (packet.source, segment.source), key[1], segment)
        elif (reset := ipv4.tcp_reset(packet)) is not None:
            self.deliver(reset)

    def forget(self, port: int, remote: Address) -> None:
        """Take a connection that is over out of the list."""
        self._connections.pop((port, remote), None)

    def close(self) -> None:
        """The link is gone: so is everything on it."""
        for connection in tuple(self._connections.values()):
            connection.abandon()


class _Connection:
    """One connection; the ``HalfCloseHandler`` of its way through the network."""

    def __init__(self, gateway: TcpGateway, client: Address, remote: Address, syn: ipv4.Segment) -> None:
        self._gateway = gateway
        self._client = client
        self._remote = remote
        self._expected = (syn.sequence + 1) & _MASK
        self._window = syn.window
        self._segment = min(syn.maximum or _SMALLEST_SEGMENT, _SEGMENT)
        modem = gateway.modem
        self._first = modem.world.random(f"modem.{modem.name}.tcp").randrange(1 << 32)
        self._acknowledged = self._first  # by the client; _unsent begins there
        self._next = 0  # where to go on sending, from _acknowledged on
        self._sent = 0  # numbers sent and not acknowledged; more than _next while they are repeated
        self._unsent = bytearray()  # octets not acknowledged, sent or not
        self._answered = self._established = False
        self._client_done = self._host_done = self._end_sent = self._end_taken = False
        self._far_over = False  # the host hears no more, either
        self._over = False
        self._silent = False  # as a connection is that a NAT has forgotten
        self._repeats = 0
        self._timer: Event | None = None
        self._far: TcpConnection = modem.carrier.connect_tcp(modem, gateway.cid, client[1], remote, self)

    def __repr__(self) -> str:
        return f"_Connection({self._client} to {self._remote})"

    # -- the host -----------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The host answered: so do we."""
        if not self._over:
            self._answered = True
            self._next = self._sent = 1
            self._send_syn()
            self._set_timer()

    def received(self, data: bytes) -> None:
        """Keep octets for the client."""
        if self._over:
            return
        self._unsent += data
        if len(self._unsent) > _MAX_UNSENT:
            self._far.pause()
        self._push()

    def half_closed(self) -> None:
        """The host sends no more, and still hears."""
        if not self._over:
            self._host_done = True
            self._push()

    def closed(self, reason: CloseReason) -> None:
        """The connection through the network is over."""
        if self._over:
            return
        if reason is CloseReason.TIMED_OUT and self._answered:
            self._fall_silent()
        elif reason in (CloseReason.TIMED_OUT, CloseReason.UNREACHABLE) and not self._answered:
            self.abandon()  # nobody answers: neither do we
        elif reason not in (CloseReason.CLOSED_BY_PEER, CloseReason.LOCAL) or not self._answered:
            self._reset()
        else:
            self._host_done = self._far_over = True
            self._push()
            self._linger()

    def acknowledged(self) -> None:
        """The host has more of what the client sent."""
        if not self._over:
            self._send()
            self._finish_if_done()

    # -- the client ---------------------------------------------------------------------------------------------------

    def take(self, segment: ipv4.Segment) -> None:
        """Take a segment of the client."""
        if self._silent:
            return
        if segment.flags & RST:
            if segment.sequence == self._expected or not self._answered:
                self.break_off()
            return
        if segment.flags & SYN:  # it did not hear our answer, or begins anew
            if self._answered and not self._established:
                self._send_syn()
            elif self._answered:
                self._send()
            return
        if not self._answered or not segment.flags & ACK:
            return
        self._take_acknowledgement(segment)
        if not self._over:
            self._take_data(segment)

    def _take_acknowledgement(self, segment: ipv4.Segment) -> None:
        gained = (segment.acknowledged - self._acknowledged) & _MASK
        if gained > self._sent:  # old, or of what was never sent
            return
        if not self._window and segment.window:  # the octet that asked for room was dropped
            self._next = 0
        self._window = segment.window
        if gained:
            octets = gained if self._established else gained - 1
            self._established = True
            del self._unsent[:octets]  # the end of the connection, which counts as one, is beyond
            self._acknowledged = segment.acknowledged
            self._sent -= gained
            self._next = max(0, self._next - gained)
            self._repeats = 0
            if len(self._unsent) < _MAX_UNSENT // 2:
                self._far.resume()
            if self._end_sent and not self._sent:
                self._end_acknowledged()
                return
            self._set_timer()
        elif not self._window:  # alive, without room
            self._repeats = min(self._repeats, _REPEATS // 2)
        self._push()

    def _end_acknowledged(self) -> None:
        self._end_taken = True
        self._finish_if_done()
        if not self._over:
            self._set_timer()
            self._linger()

    def _finish_if_done(self) -> None:
        if self._end_taken and self._client_done and self._heard == self._expected:
            self._finish()

    def _linger(self) -> None:
        """A client that has heard the end, and whom nobody hears any more, has some time to end, too."""
        if self._end_taken and self._far_over and not self._over:
            self._timer = self._gateway.modem.later(_LINGER, self._reset, name="ppp-tcp", scaled=False)

    def _take_data(self, segment: ipv4.Segment) -> None:
        ends = bool(segment.flags & FIN)
        if not segment.payload and not ends:
            if segment.sequence != self._expected:  # a probe whether we are alive
                self._send()
            return
        known = (self._expected - segment.sequence) & _MASK
        if known <= len(segment.payload) + ends and not self._client_done:
            data = segment.payload[known:]
            if data and self._far_over:  # nobody is left to take it
                self._reset()
                return
            taken = self._far.send(data) if data else 0
            self._expected = (self._expected + taken) & _MASK
            if ends and taken == len(data):
                self._expected = (self._expected + 1) & _MASK
                self._client_done = True
                self._far.half_close()
            if taken and self._heard != self._expected:
                return  # until it has arrived
        self._send()
        self._finish_if_done()

    @property
    def _heard(self) -> int:
        """The number of the first octet of the client that the host does not have; the stream's end counts as one."""
        missing = 0 if self._far_over else self._far.unacknowledged
        return (self._expected - missing - bool(missing and self._client_done)) & _MASK

    # -- segments -----------------------------------------------------------------------------------------------------

    def _send_syn(self) -> None:
        self._deliver(ipv4.tcp(self._remote, self._client, sequence=self._first, acknowledged=self._expected,
                               flags=SYN, maximum=_SEGMENT))

    def _send(self, data: bytes = b"", *, offset: int = 0, flags: int = 0) -> None:
        self._deliver(ipv4.tcp(self._remote, self._client, data, sequence=self._acknowledged + offset,
                               acknowledged=self._heard, flags=flags))

    def _deliver(self, packet: ipv4.Packet) -> None:
        self._gateway.deliver(packet)

    def _push(self) -> None:
        """Send what the client's window has room for, and the end behind it."""
        if not self._established or self._end_taken or self._over:
            return
        while self._next < min(len(self._unsent), self._window):
            size = min(self._segment, self._window - self._next)
            data = bytes(self._unsent[self._next:self._next + size])
            last = self._next + len(data) == len(self._unsent)
            self._send(data, offset=self._next, flags=PSH if last else 0)
            self._next += len(data)
        if self._host_done and self._next == len(self._unsent):
            self._send(offset=self._next, flags=FIN)
            self._next += 1
            self._end_sent = True
        self._sent = max(self._sent, self._next)
        if self._timer is None:
            self._set_timer()

    # -- what is not acknowledged in time -----------------------------------------------------------------------------

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._sent or self._unsent:
            pause = min(_FIRST_REPEAT << self._repeats, _LONGEST_REPEAT)
            self._timer = self._gateway.modem.later(pause, self._repeat, name="ppp-tcp", scaled=False)

    def _repeat(self) -> None:
        self._timer = None
        if self._over:
            return
        self._repeats += 1
        if self._repeats > _REPEATS:
            self._reset()
            return
        if not self._established:
            self._send_syn()
        elif self._unsent and not self._window:  # one octet asks whether there is room by now
            self._send(bytes(self._unsent[:1]), flags=PSH)
            self._sent = max(self._sent, 1)
        else:
            self._next = 0
            self._push()
        self._set_timer()

    # -- the end ------------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        if not self._over:
            sequence = self._acknowledged + self._sent if self._answered else 0  # where the client looks for it
            self._deliver(ipv4.tcp(self._remote, self._client, sequence=sequence, acknowledged=self._expected,
                                   flags=RST))
            self.break_off()

    def _fall_silent(self) -> None:
        """Answer nothing any more, and forget it when the client has given up by any standard."""
        self._silent = True
        self._unsent.clear()
        self._sent = 0
        self._set_timer()
        self._timer = self._gateway.modem.later(_GIVEN_UP, self._finish, name="ppp-tcp", scaled=False)

    def _finish(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        self._gateway.forget(self._client[1], self._remote)

    def abandon(self) -> None:
        """Forget it without a word to the client."""
        if not self._over:
            self._finish()
            self._far.close()

    def break_off(self) -> None:
        """Forget it without a word to the client, and break it off towards the host."""
        if not self._over:
            self._finish()
            self._far.abort()
