"""What goes wrong in the network: the faults of a plan, carried out on registration, packet data and messages.

What acts is done here; what strikes things that pass is asked for where they pass: a search in the registrar, an
activation or a datagram in the IP gateway, a text in the SMS centre.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.clock import to_ns
from harness.errors import PduError
from harness.formats.sms import Alphabet, DataCoding, Deliver, StatusReport, decode_from_network
from harness.journal import Fact
from harness.virtual.faults.fault import End, Fault
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.network.cells import WEAKEST, SignalCurve
from harness.virtual.network.seams import AccessTechnology, Address, Datagram
from harness.virtual.network.settings import UDP_OVERHEAD

if TYPE_CHECKING:
    from harness.virtual.network.network import Network

_TECHNOLOGIES: Final = {"gsm": AccessTechnology.GSM, "utran": AccessTechnology.UTRAN, "lte": AccessTechnology.E_UTRAN,
                        "lte-m": AccessTechnology.EMTC, "nb-iot": AccessTechnology.NB_IOT}


@dataclass(frozen=True, slots=True)
class Flight:
    """How a datagram travels: when its copies arrive, in nanoseconds later than usual; or why none does."""

    datagram: Datagram
    copies: tuple[int, ...] = (0,)
    lost: str = ""


class NetworkFaults:
    """The faults of one network. Implements ``FaultyNetwork``."""

    def __init__(self, network: Network, plan: FaultPlan) -> None:
        self._network = network
        self._plan = plan
        plan.connect_network(self)

    def __repr__(self) -> str:
        return f"NetworkFaults({self._plan!r})"

    def inject(self, fault: Fault, iccid: str) -> End | None:
        """Carry out a fault that acts."""
        return ACTS[fault.kind](self._network, iccid, fault)

    def shared(self, holds: str, iccid: str) -> str:
        """Return the name of what a SIM card shares with others: its cell, its operator, or the network."""
        cell = self._network.cell_of(iccid)
        if cell is None:
            return ""
        return {"network.signal": f"{cell.ci:X}", "network.congestion": cell.plmn}.get(holds, "")

    def strike(self, kind: str, iccid: str, *, fits: Callable[[Fault], bool] | None = None, **facts: Fact
               ) -> Fault | None:
        """Return the fault of a kind that strikes what passes for a SIM card, None if none does."""
        return self._plan.strike_sim(kind, iccid, fits=fits, **facts)

    def look(self) -> None:
        """Let faults strike what lasts: connections on which nothing flows."""
        self._network.look_at_connections()

    # -- connections and names ----------------------------------------------------------------------------------------

    def strike_at(self, kind: str, iccid: str, host: Address, *, direction: str = "both", **facts: Fact
                  ) -> Fault | None:
        """Return the fault of a kind that strikes what goes to or comes from a host, None if none does."""
        return self.strike(kind, iccid, host=f"{host[0]}:{host[1]}", direction=direction, **facts,
                           fits=lambda fault: self._concerns(fault, host, direction))

    def strike_standing(self, kind: str, iccid: str, host: Address, met: dict[int, bool],
                        is_due: Callable[[Fault], bool], *, passing: bool, **facts: Fact) -> Fault | None:
        """Return the fault of a kind that strikes a connection now; see :meth:`FaultPlan.strike_standing`."""
        return self._plan.strike_standing(kind, iccid, met, host=f"{host[0]}:{host[1]}", is_due=is_due, **facts,
                                          passing=passing, fits=lambda fault: self._concerns(fault, host, "both"))

    def settle(self, fault: Fault, end: End | None) -> End | None:
        """Let a standing fault that has struck be undone by ``end``; return what does that before its time."""
        return self._plan.settle(fault, end)

    def strike_name(self, kind: str, iccid: str, name: str) -> Fault | None:
        """Return the fault of a kind that strikes a query for the addresses of a name, None if none does."""
        def concerns(fault: Fault) -> bool:
            wanted = fault.spec.text("host")
            return not wanted or wanted.lower().rstrip(".") == name.lower().rstrip(".")

        return self.strike(kind, iccid, name=name, fits=concerns)

    def _concerns(self, fault: Fault, host: Address, direction: str) -> bool:
        """Tell whether a fault's parameters are about a host, and about a direction."""
        spec = fault.spec
        if spec.parameters.get("direction", "both") not in ("both", direction) and direction != "both":
            return False
        port, name = spec.parameters["port"], spec.text("host")
        return port in (None, host[1]) and (not name or host[0] in self._network.addresses_of(name))

    # -- datagrams ----------------------------------------------------------------------------------------------------

    def flight(self, iccid: str, datagram: Datagram, *, up: bool) -> Flight:
        """Return how a datagram from, or to a device travels."""
        direction = "up" if up else "down"
        size = len(datagram.payload) + UDP_OVERHEAD
        host = datagram.destination if up else datagram.source

        def strike(kind: str, fits: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
            return self.strike(kind, iccid, direction=direction, octets=len(datagram.payload),
                               fits=lambda fault: self._concerns(fault, host, direction) and fits(fault))

        if strike("udp-mtu", lambda fault: size > fault.spec.number("octets")) is not None:
            return Flight(datagram, (), "longer than the path takes")
        if strike("udp-loss") is not None:
            return Flight(datagram, (), "lost by a fault")
        if (fault := strike("udp-corrupt", lambda fault: bool(datagram.payload))) is not None:
            datagram = replace(datagram, payload=_corrupt(datagram.payload, fault))
        later = 0
        for kind in ("udp-latency", "udp-reorder"):
            if (fault := strike(kind)) is not None:
                later += lateness(fault)
        return Flight(datagram, (later, later) if strike("udp-duplicate") is not None else (later,))

    # -- messages -----------------------------------------------------------------------------------------------------

    def delivered(self, iccid: str, tpdu: bytes) -> bytes:
        """Return the TPDU that a device gets instead of one that is on its way to it."""
        if (fault := self.strike("sms-scts", iccid)) is not None:
            tpdu = _shift_time(tpdu, fault.spec.number("seconds"))
        if (fault := self.strike("sms-malformed", iccid, fits=lambda fault: tpdu[0] & 3 == 0)) is not None:
            tpdu = _MALFORMED[fault.spec.text("form")](tpdu)
        return tpdu


def lateness(fault: Fault) -> int:
    """Return how many nanoseconds later a fault lets something come: ``by``, and by chance up to ``jitter`` more."""
    jitter = fault.spec.number("jitter") if "jitter" in fault.spec.parameters else 0
    return fault.spec.number("by") + (fault.chance.randint(0, jitter) if jitter else 0)


def _corrupt(payload: bytes, fault: Fault) -> bytes:
    data = bytearray(payload)
    for position in fault.chance.sample(range(len(data)), min(len(data), fault.spec.number("octets"))):
        data[position] ^= fault.chance.randrange(1, 256)
    return bytes(data)


# -- malformed TPDUs --------------------------------------------------------------------------------------------------


def _shift_time(tpdu: bytes, seconds: int) -> bytes:
    try:
        message = decode_from_network(tpdu)
        if isinstance(message, Deliver | StatusReport) and message.timestamp is not None:
            return replace(message, timestamp=message.timestamp + timedelta(seconds=seconds)).encode()
    except (PduError, OverflowError):
        pass
    return tpdu


_HEADER_INDICATOR: Final = 0x40
_BAD_HEADER: Final = bytes((6, 0x70, 9, 1, 2, 3, 4))


def _after_address(tpdu: bytes) -> int:
    """Return where TP-PID of an SMS-DELIVER stands (3GPP TS 23.040 clause 9.2.2.1)."""
    return 3 + (tpdu[1] + 1) // 2


def _short_of_data(tpdu: bytes) -> bytes:
    return tpdu[:-1] if len(tpdu) > _after_address(tpdu) + 10 else tpdu + b"\x00"


def _bad_time(tpdu: bytes) -> bytes:
    begin = _after_address(tpdu) + 2
    return tpdu[:begin] + b"\xff" * 6 + tpdu[begin + 6:]


def _bad_header(tpdu: bytes) -> bytes:
    """Let an element of the header claim to be longer than the header, which is added if need be (clause 9.2.3.24)."""
    pid = _after_address(tpdu)
    length = pid + 9
    if tpdu[0] & _HEADER_INDICATOR:
        element = length + 3  # its length octet: the first element of the header
        return tpdu[:element] + bytes(min(255, octet + 9) for octet in tpdu[element:element + 1]) + tpdu[element + 1:]
    septets = DataCoding(tpdu[pid + 1]).alphabet is Alphabet.GSM7
    count = min(tpdu[length] + (8 if septets else 7), 160 if septets else 140)  # seven octets are eight septets
    data = (_BAD_HEADER + tpdu[length + 1:])[:140]
    return bytes((tpdu[0] | _HEADER_INDICATOR,)) + tpdu[1:length] + bytes((count,)) + data


_MALFORMED: Mapping[str, Callable[[bytes], bytes]] = {
    "length": _short_of_data, "timestamp": _bad_time, "header": _bad_header}


# -- what acts --------------------------------------------------------------------------------------------------------


def _none(network: Network, iccid: str, fault: Fault) -> End:
    network.lose_coverage(iccid)
    return partial(network.restore_coverage, iccid)


def _searching(network: Network, iccid: str, fault: Fault) -> End:
    network.search_again(iccid, fault.spec.number("span"))
    return partial(network.end_search, iccid)


def _denied(network: Network, iccid: str, fault: Fault) -> End:
    network.deny(iccid, fault.spec.number("cause"))
    return partial(network.deny, iccid, None)


def _no_roaming(network: Network, iccid: str, fault: Fault) -> End:
    network.allow_roaming(iccid, False)
    return partial(network.allow_roaming, iccid, True)


def _congested(network: Network, iccid: str, fault: Fault) -> End | None:
    cell = network.cell_of(iccid)
    plmns = {cell.plmn} if cell is not None else {found.plmn for found in network.cells}
    for plmn in sorted(plmns):
        network.congest(plmn)

    def end() -> None:
        for plmn in sorted(plmns):
            network.congest(plmn, False)

    return end


def _signal(network: Network, iccid: str, fault: Fault) -> End | None:
    cell = network.cell_of(iccid)
    points = fault.spec.parameters["points"]
    if cell is None or not isinstance(points, tuple):
        return None
    now = network.now()
    network.set_signal(cell.ci, SignalCurve(tuple((now + instant, dbm) for instant, dbm in points)))
    return partial(network.set_signal, cell.ci, max(cell.rssi_dbm, WEAKEST))


def _technology(network: Network, iccid: str, fault: Fault) -> None:
    network.change_technology(iccid, _TECHNOLOGIES[fault.spec.text("technology")])


def _dropped(network: Network, iccid: str, fault: Fault) -> None:
    network.end_sessions(iccid)


def _nat(network: Network, iccid: str, fault: Fault) -> End:
    network.limit_nat(to_ns(f"{fault.spec.number('timeout')}ns"))
    return partial(network.limit_nat, None)


ACTS: Mapping[str, Callable[[Network, str, Fault], End | None]] = {
    "network-none": _none, "network-lost": _none, "network-searching": _searching, "network-denied": _denied,
    "network-no-roaming": _no_roaming, "network-congested": _congested, "network-signal": _signal,
    "network-rat": _technology, "packet-dropped": _dropped, "packet-nat-timeout": _nat,
}
"""What carries out each kind that acts on the network."""
