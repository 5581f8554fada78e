"""What a virtual network is like: everything that differs between networks, and between tests, in one value."""

from __future__ import annotations

from dataclasses import dataclass, fields
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_network

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.network.seams import AccessTechnology, Address, Cell

COMMAND_NUMBER = "000"
"""Where Super SIM commands come from and go to."""

DEFAULT_CELL = Cell(plmn="310410", operator="AT&T Mobility", operator_short="AT&T", act=AccessTechnology.EMTC,
                    tac=0x2F0B, ci=0x0A1B2C3, rssi_dbm=-73)
"""The cell a network has unless told otherwise: LTE-M, abroad for every Super SIM."""

UDP_OVERHEAD = 28
"""Octets of an IPv4 and a UDP header, which are metered like the payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """One network. Durations are written as everywhere: ``"250ms"``, ``"24h"``, seconds as a number.

    Attributes:
        cells: what a terminal may camp on, best first.
        home_plmns: operators where every SIM card is at home, besides the one that its IMSI begins with.
        unlisted_cause: EMM cause where a SIM card may not use the operator of the cell (NetworkAccessProfile).
        congestion_retry: how long a terminal stays away that was refused for congestion (3GPP TS 24.301 T3346).
        forbidden_retry: how often a terminal that has only forbidden operators around looks whether it is still so.
        failure_retry: how long a terminal waits that was refused for a failure in the network (T3411).
        nat_timeout: how long the gateway keeps a way back from a host to a device's port after the last datagram.
        nat_tcp_timeout: how long it knows a connection on which nothing flows; what is sent then is dropped, and no
            side is told. RFC 5382 wants at least this, many operators have less.
        dns_latency: from the gateway to a resolver, and back.
        registration_delay: from the start of a search to its result.
        unknown_sim_cause: EMM cause for a SIM card that no account owns.
        refused_cause: EMM cause for a SIM card whose account does not let it attach.
        sms_latency: from the sender to the SMS centre, and from there to the first attempt.
        sms_answer_limit: how long the SMS centre waits for a terminal to acknowledge (3GPP TS 24.011 TR1N).
        sms_retries: pauses between attempts; the last one repeats until the validity period ends.
        sms_validity: how long a text waits for its device.
        sms_rate: texts a second that one SIM card may get, and send: more wait, or are refused for congestion (cause
            42); 0 for any number.
        sms_queue_limit: texts that wait for one SIM card; a further one fails with RP cause 42 (congestion).
        reassembly_limit: how long parts of a concatenated text from a device wait for the missing ones.
        numbers: telephone numbers of SIM cards (number, ICCID), for texts from device to device. Super SIM has none.
        barred_cause: RP cause for a text from a device to any other number (8: operator determined barring).
        ip_latency: one way, between a terminal and the IP gateway.
        activation_delay: from the request for a packet context to its result.
        apn: the access point name that a context must ask for.
        gateway: address and source port of the IP gateway; it takes datagrams on every port.
        addresses: where addresses of sessions are drawn from.
        gateway_payload_limit: longest payload in octets that the IP gateway takes; longer ones are lost.
        in_flight_limit: datagrams under way at one time; further ones are lost.
        meter_interval: how often the traffic of an open session is reported.
        sms_loss: probability that a text vanishes on the air and has to be retried.
        sms_duplication: probability that a delivered text is delivered once more (its acknowledgement was lost).
        sms_reorder: probability that a text is overtaken by the one behind it.
        ip_loss: probability that a datagram is lost.
        ip_duplication: probability that it arrives twice.
        ip_reorder: probability that it takes ``ip_reorder_delay`` longer.
    """

    cells: tuple[Cell, ...] = (DEFAULT_CELL,)
    home_plmns: frozenset[str] = frozenset()
    registration_delay: Duration = "2s"
    unknown_sim_cause: int = 8
    refused_cause: int = 15
    unlisted_cause: int = 13
    congestion_retry: Duration = "5min"
    forbidden_retry: Duration = "1min"
    failure_retry: Duration = "10s"
    sms_latency: Duration = "1s"
    sms_answer_limit: Duration = "30s"
    sms_retries: tuple[Duration, ...] = ("10s", "1min", "5min", "15min", "30min", "1h")
    sms_validity: Duration = "24h"
    sms_rate: float = 0.0
    sms_queue_limit: int = 1_000
    reassembly_limit: Duration = "10min"
    numbers: tuple[tuple[str, str], ...] = ()
    barred_cause: int = 8
    ip_latency: Duration = "100ms"
    activation_delay: Duration = "500ms"
    apn: str = "super"
    nat_timeout: Duration = "2min"
    nat_tcp_timeout: Duration = "124min"
    dns_latency: Duration = "20ms"
    gateway: Address = ("100.64.0.1", 6969)
    addresses: str = "100.64.0.0/10"
    gateway_payload_limit: int = 1_300
    in_flight_limit: int = 10_000
    meter_interval: Duration = "6min"
    sms_loss: float = 0.0
    sms_duplication: float = 0.0
    sms_reorder: float = 0.0
    ip_loss: float = 0.0
    ip_duplication: float = 0.0
    ip_reorder: float = 0.0
    ip_reorder_delay: Duration = "1s"

    def __post_init__(self) -> None:
        if not self.cells:
            raise UsageError("a network has at least one cell")
        for cell in self.cells:
            if not (cell.plmn.isascii() and cell.plmn.isdigit() and len(cell.plmn) in (5, 6)):
                raise UsageError(f"a PLMN is MCC and MNC in 5 or 6 digits, not {cell.plmn!r}")
        if not self.sms_retries or any(to_ns(pause) == 0 for pause in self.sms_retries):
            raise UsageError("sms_retries needs at least one pause, and no pause may be 0")
        for name in ("registration_delay", "sms_latency", "ip_latency", "activation_delay", "ip_reorder_delay",
                     "dns_latency"):
            to_ns(getattr(self, name))
        for name in ("sms_answer_limit", "sms_validity", "reassembly_limit", "meter_interval", "nat_timeout",
                     "nat_tcp_timeout", "congestion_retry", "forbidden_retry", "failure_retry"):
            if to_ns(getattr(self, name)) == 0:
                raise UsageError(f"{name} must be longer than 0")
        if self.sms_rate < 0:
            raise UsageError("sms_rate can't be negative")
        for name in ("sms_queue_limit", "gateway_payload_limit", "in_flight_limit"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1")
        for item in fields(self):
            if item.type == "float" and item.name != "sms_rate" and not 0.0 <= getattr(self, item.name) <= 1.0:
                raise UsageError(f"{item.name} is a probability, from 0 to 1, not {getattr(self, item.name)!r}")
        self._check_addresses()

    def _check_addresses(self) -> None:
        try:
            gateway, network = ip_address(self.gateway[0]), ip_network(self.addresses)
        except ValueError as problem:
            raise UsageError(f"gateway and addresses: {problem}") from None
        if not isinstance(gateway, IPv4Address) or not isinstance(network, IPv4Network):
            raise UsageError("gateway and addresses are IPv4")
        if network.num_addresses < 8:
            raise UsageError(f"addresses must leave room for some sessions, {self.addresses} does not")
        if not 1 <= self.gateway[1] <= 65_535:
            raise UsageError(f"the gateway's port is 1 to 65535, not {self.gateway[1]}")
