"""Packet data: contexts with an address each, and the IP gateway through which IP commands travel.

Theory of operation. A *session* lives from activation to its end, has one address, counts what flowed in octets of IP
and reports that every ``meter_interval`` and at its end. A datagram is taken from the sender at once and arrives one
latency later, if its session still lives; nobody is told of one that is lost, but the journal is. What is addressed to
the gateway goes to the cloud; what is addressed elsewhere goes to the virtual internet if one is connected
(:mod:`harness.virtual.network.data_path`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network

from harness.clock import NANOSECONDS, to_ns
from harness.virtual.network.capture import Capture
from harness.virtual.network.data_path import DataPath
from harness.virtual.network.faults import Flight, NetworkFaults
from harness.virtual.network.registration import Registrar
from harness.virtual.network.seams import Cell, Datagram, DataUsage, Metering, Session, Subscriptions, Terminal
from harness.virtual.network.settings import UDP_OVERHEAD, NetworkSettings
from harness.virtual.world import Event, World

MAX_DATAGRAM = 65_507
"""Longest payload of a UDP datagram over IPv4 in octets (RFC 768)."""

OPERATOR_BARRED, INSUFFICIENT_RESOURCES, UNKNOWN_APN = 8, 26, 27
_CAUSES = {"unknown APN": UNKNOWN_APN, "data not allowed": OPERATOR_BARRED}
_PACKET = 1_440  # octets of IP in a packet, for counting packets of streams
_MAX_CONTEXTS = 16  # per terminal
_TRIES = 64  # to draw a free address before taking the next one in order


@dataclass(slots=True)
class Traffic:
    """A session and what flowed in it, in octets of IP, up (from the device) and down."""

    number: int
    iccid: str
    imsi: str
    terminal: Terminal
    session: Session
    started: int
    up: int = 0
    down: int = 0
    up_packets: int = 0
    down_packets: int = 0
    cell: Cell | None = None
    reported: tuple[int, int, int, int] = (0, 0, 0, 0)
    idle: int = 0  # nanoseconds for which nothing was told
    meter: Event | None = None

    def unreported(self) -> tuple[int, int, int, int]:
        """Return what flowed since the last call: octets up and down, packets up and down."""
        now = (self.up, self.down, self.up_packets, self.down_packets)
        before, self.reported = self.reported, now
        up, down, up_packets, down_packets = (new - old for new, old in zip(now, before, strict=True))
        return up, down, up_packets, down_packets


class IpGateway:
    """All packet contexts of one network."""

    def __init__(self, world: World, settings: NetworkSettings, registrar: Registrar, capture: Capture) -> None:
        self._world = world
        self._capture = capture
        self._settings = settings
        self._registrar = registrar
        self._pool = IPv4Network(settings.addresses)
        self._sessions: dict[str, dict[int, Traffic]] = {}
        self._by_address: dict[str, Traffic] = {}
        self._in_flight = 0
        self._numbers = itertools.count(1)
        self._subscriptions: Subscriptions | None = None
        self._metering: Metering | None = None
        self.faults: NetworkFaults | None = None
        self.path = DataPath(world, settings, self._flowed, capture)

    def __repr__(self) -> str:
        return f"IpGateway({len(self._by_address)} sessions, {self._in_flight} datagrams under way)"

    def connect(self, subscriptions: Subscriptions) -> None:
        """Hand what devices send to the gateway to this cloud."""
        self._subscriptions = subscriptions

    def connect_metering(self, metering: Metering) -> None:
        """Tell these books what flows."""
        self._metering = metering

    def traffic(self, terminal: Terminal, cid: int) -> Traffic | None:
        """Return a terminal's session on a context, None if there is none."""
        iccid = self._registrar.served_iccid(terminal)
        found = self._find(iccid, cid) if iccid is not None else None
        return found if found is not None and found.terminal is terminal else None

    def traffic_at(self, ip: str) -> Traffic | None:
        """Return the session that has this address, None if none does."""
        return self._by_address.get(ip)

    def sessions(self, iccid: str) -> list[Traffic]:
        """Return the open sessions of a SIM card, lowest context first."""
        return [traffic for _, traffic in sorted(self._sessions.get(iccid, {}).items())]

    # -- contexts -----------------------------------------------------------------------------------------------------

    def activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        """Open a context, or return the one that is open; the answer comes by ``done``."""
        self._world.call_later(self._settings.activation_delay, partial(self._activate, terminal, cid, apn, done),
                               name="network.activate")

    def deactivate(self, terminal: Terminal, cid: int) -> None:
        """End a context at the device's wish; no error if there is none."""
        iccid = self._registrar.served_iccid(terminal)
        if iccid is not None and (traffic := self._find(iccid, cid)) is not None:
            self._end(traffic, "deactivated", by_network=False)

    def end_all(self, iccid: str, reason: str, *, by_network: bool) -> None:
        """End all contexts of a SIM card."""
        for traffic in self.sessions(iccid):
            self._end(traffic, reason, by_network=by_network)

    def recheck(self, iccid: str) -> None:
        """End the contexts of a SIM card that may not use data any longer."""
        if self._refusal(iccid):
            self.end_all(iccid, "data not allowed", by_network=True)

    # -- datagrams ----------------------------------------------------------------------------------------------------

    def send_from_terminal(self, terminal: Terminal, cid: int, datagram: Datagram) -> None:
        """Take a datagram from a device."""
        iccid = self._registrar.served_iccid(terminal)
        traffic = self._find(iccid, cid) if iccid is not None else None
        if traffic is None or traffic.terminal is not terminal:
            self._drop(iccid or terminal.iccid, datagram, "no context")
            return
        size = len(datagram.payload) + UDP_OVERHEAD
        if datagram.source[0] != traffic.session.ip:
            self._drop(traffic.iccid, datagram, "source address is not the session's")
        elif not _ports_valid(datagram) or len(datagram.payload) > MAX_DATAGRAM:
            self._drop(traffic.iccid, datagram, "not a UDP datagram")
        else:
            self._flowed(traffic, size, 0)
            self._capture.datagram(traffic.iccid, datagram)
            if datagram.destination[0] != self._settings.gateway[0]:
                self.path.opened(traffic, datagram.source[1], datagram.destination)
            self._fly(traffic.iccid, datagram, partial(self._arrive_outside, traffic.iccid), up=True)

    def send_to_device(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        """Send a datagram from the gateway to a device; its address comes by ``done``, None if it has none."""
        self._world.call_later(0, partial(self._send_to_device, iccid, port, payload, done), name="network.ip_command")

    def send_from_internet(self, datagram: Datagram) -> bool:
        """Send a datagram from a host to a device's address; False if no session has it."""
        traffic = self._by_address.get(datagram.destination[0])
        if traffic is None:
            return False
        if not self.path.is_open(traffic, datagram.destination[1], datagram.source):
            self._drop(traffic.iccid, datagram, "no NAT mapping")
            return True
        self._fly(traffic.iccid, datagram, partial(self._arrive_at_device, traffic), up=False)
        return True

    # -- inside: contexts ---------------------------------------------------------------------------------------------

    def _find(self, iccid: str, cid: int) -> Traffic | None:
        return self._sessions.get(iccid, {}).get(cid)

    def _refusal(self, iccid: str) -> str:
        subscription = self._subscriptions.subscription(iccid) if self._subscriptions is not None else None
        return "" if subscription is not None and subscription.data_allowed else "data not allowed"

    def _core_failure(self, iccid: str) -> int:
        return self._subscriptions.core_failure(iccid, session=True) if self._subscriptions is not None else 0

    def _activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        iccid = self._registrar.served_iccid(terminal)
        if iccid is None:
            reason = "not registered"
        elif apn.lower() != self._settings.apn.lower():
            reason = "unknown APN"
        elif (existing := self._find(iccid, cid)) is not None:
            done(existing.session)
            return
        elif len(self.sessions(iccid)) >= _MAX_CONTEXTS:
            reason = "too many contexts"
        else:
            reason = self._refusal(iccid)
        cause = _CAUSES.get(reason, INSUFFICIENT_RESOURCES)
        if not reason and iccid is not None and self.faults is not None and (
                fault := self.faults.strike("packet-apn-refused", iccid, apn=apn)) is not None:
            reason, cause = "refused by a fault", fault.spec.number("cause")
        elif not reason and iccid is not None and (failure := self._core_failure(iccid)):
            reason, cause = "core network failure", failure
        ip = self._draw_address() if not reason else None
        if not reason and ip is None:
            reason = "no address left"
        if iccid is None or ip is None:
            self._world.journal.record("network", "data_session_refused", device=iccid or terminal.iccid, cid=cid,
                                       apn=apn, reason=reason)
            if iccid is not None and self._metering is not None:
                self._metering.data_usage(DataUsage(
                    iccid=iccid, imsi=terminal.imsi, imei=terminal.imei, session_id=next(self._numbers), apn=apn, ip="",
                    cell=self._registrar.cell_of(iccid), cause=cause))
            done(None)
            return
        traffic = Traffic(next(self._numbers), iccid, terminal.imsi, terminal, Session(cid=cid, apn=apn, ip=ip),
                          self._world.now())
        self._sessions.setdefault(iccid, {})[cid] = traffic
        self._by_address[ip] = traffic
        self._world.journal.record("network", "data_session_started", device=iccid, cid=cid, apn=apn, ip=ip)
        self._plan_report(traffic)
        self._tell(traffic, began=True)
        done(traffic.session)

    def _end(self, traffic: Traffic, reason: str, *, by_network: bool) -> None:
        owned = self._sessions[traffic.iccid]
        del owned[traffic.session.cid]
        if not owned:
            del self._sessions[traffic.iccid]
        del self._by_address[traffic.session.ip]
        if traffic.meter is not None:
            traffic.meter.cancel()
        self.path.session_ended(traffic)
        self._tell(traffic, ended=True)
        self._world.journal.record("network", "data_session_ended", device=traffic.iccid, cid=traffic.session.cid,
                                   ip=traffic.session.ip, reason=reason, up=traffic.up, down=traffic.down,
                                   seconds=(self._world.now() - traffic.started) / NANOSECONDS)
        if by_network:
            self._world.call_later(0, partial(traffic.terminal.session_lost, traffic.session.cid),
                                   name="network.session_lost")

    def _draw_address(self) -> str | None:
        stream = self._world.random("network.addresses")
        first, last = int(self._pool.network_address) + 2, int(self._pool.broadcast_address) - 1
        for _ in range(_TRIES):
            candidate = str(self._pool[stream.randint(first, last) - int(self._pool.network_address)])
            if self._is_free(candidate):
                return candidate
        return next((str(host) for host in self._pool.hosts() if self._is_free(str(host))), None)

    def _is_free(self, ip: str) -> bool:
        return ip not in self._by_address and ip != self._settings.gateway[0]

    def _plan_report(self, traffic: Traffic) -> None:
        traffic.meter = self._world.call_later(self._settings.meter_interval, partial(self._report, traffic),
                                               name="network.meter")

    def _report(self, traffic: Traffic) -> None:
        self._plan_report(traffic)
        up, down = self._tell(traffic)
        traffic.idle = 0 if up or down else traffic.idle + to_ns(self._settings.meter_interval)
        self._world.journal.record("network", "data_session_updated", device=traffic.iccid, cid=traffic.session.cid,
                                   ip=traffic.session.ip, up=up, down=down, total_up=traffic.up,
                                   total_down=traffic.down)

    def _tell(self, traffic: Traffic, *, began: bool = False, ended: bool = False) -> tuple[int, int]:
        """Tell the books what flowed since the last time, and return its octets up and down."""
        up, down, up_packets, down_packets = traffic.unreported()
        traffic.cell = self._registrar.cell_of(traffic.iccid) or traffic.cell
        if self._metering is not None and (began or ended or up or down):
            self._metering.data_usage(DataUsage(
                iccid=traffic.iccid, imsi=traffic.imsi, imei=traffic.terminal.imei, session_id=traffic.number,
                apn=traffic.session.apn, ip=traffic.session.ip, cell=traffic.cell,
                began=began, ended=ended, up=up, down=down, up_packets=up_packets, down_packets=down_packets,
                idle=traffic.idle))
        return up, down

    @staticmethod
    def _flowed(traffic: Traffic, up: int, down: int) -> None:
        traffic.up += up
        traffic.down += down
        traffic.up_packets += -(-up // _PACKET)
        traffic.down_packets += -(-down // _PACKET)

    # -- inside: datagrams --------------------------------------------------------------------------------------------

    def _fly(self, iccid: str, datagram: Datagram, arrive: Callable[[Datagram], None], *, up: bool) -> None:
        settings, chance = self._settings, self._world.random("network.ip")
        if settings.ip_loss and chance.random() < settings.ip_loss:
            self._drop(iccid, datagram, "lost on the air")
            return
        flight = self.faults.flight(iccid, datagram, up=up) if self.faults is not None else Flight(datagram)
        if flight.lost:
            self._drop(iccid, datagram, flight.lost)
            return
        copies = 2 if settings.ip_duplication and chance.random() < settings.ip_duplication else 1
        for later in flight.copies * copies:
            if self._in_flight >= settings.in_flight_limit:
                self._drop(iccid, datagram, "congestion")
                return
            delay = to_ns(settings.ip_latency) + later
            if settings.ip_reorder and chance.random() < settings.ip_reorder:
                delay += to_ns(settings.ip_reorder_delay)
            self._in_flight += 1
            self._world.call_at(self._world.now() + delay, partial(self._land, arrive, flight.datagram),
                                name="network.datagram")

    def _land(self, arrive: Callable[[Datagram], None], datagram: Datagram) -> None:
        self._in_flight -= 1
        arrive(datagram)

    def _arrive_outside(self, iccid: str, datagram: Datagram) -> None:
        if datagram.destination[0] == self._settings.gateway[0]:
            if len(datagram.payload) > self._settings.gateway_payload_limit:
                self._drop(iccid, datagram, f"longer than {self._settings.gateway_payload_limit} octets")
            elif self._subscriptions is None:
                self._drop(iccid, datagram, "no cloud")
            else:
                self._note(iccid, "ip_received", datagram)
                self._subscriptions.ip_received(iccid, datagram.source, datagram.destination, datagram.payload)
        elif self.path.internet is None or not self.path.internet.send_udp(datagram.source, datagram.destination,
                                                                           datagram.payload):
            self._drop(iccid, datagram, "no route to host")

    def _send_to_device(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        sessions = self.sessions(iccid)
        if not sessions:
            self._world.journal.record("network", "ip_command_failed", device=iccid, port=port, reason="no session")
            done(None)
            return
        traffic = sessions[0]
        datagram = Datagram(source=self._settings.gateway, destination=(traffic.session.ip, port), payload=payload)
        self._note(iccid, "ip_sent", datagram)
        done(traffic.session.ip)
        if not _ports_valid(datagram) or len(payload) > MAX_DATAGRAM:
            self._drop(iccid, datagram, "not a UDP datagram")
            return
        self._fly(iccid, datagram, partial(self._arrive_at_device, traffic), up=False)

    def _arrive_at_device(self, traffic: Traffic, datagram: Datagram) -> None:
        if self._by_address.get(traffic.session.ip) is not traffic:
            self._drop(traffic.iccid, datagram, "session ended")
            return
        self._flowed(traffic, 0, len(datagram.payload) + UDP_OVERHEAD)
        self._capture.datagram(traffic.iccid, datagram)
        self._note(traffic.iccid, "datagram_delivered", datagram)
        traffic.terminal.datagram_received(traffic.session.cid, datagram)

    def _note(self, iccid: str, event: str, datagram: Datagram) -> None:
        self._world.journal.record("network", event, device=iccid, source=_spell(datagram.source),
                                   destination=_spell(datagram.destination), octets=len(datagram.payload))

    def _drop(self, iccid: str, datagram: Datagram, reason: str) -> None:
        self._world.journal.record("network", "datagram_dropped", device=iccid, source=_spell(datagram.source),
                                   destination=_spell(datagram.destination), octets=len(datagram.payload),
                                   reason=reason)


def _spell(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


def _ports_valid(datagram: Datagram) -> bool:
    return all(0 < port <= 65_535 for port in (datagram.source[1], datagram.destination[1]))
