"""Where the virtual parts meet the network: small Protocols and plain values, nothing else.

A *terminal* is a modem as the network sees it; *subscriptions* is the cloud as the network sees it. The network itself
(:class:`harness.virtual.network.Network`) implements :class:`Carrier` for modems and :class:`Messaging` for the cloud.
Callbacks (``done``) are called exactly once, in a turn of the world, later than the call that took them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple, Protocol, TypeAlias

from harness.virtual.internet.seams import Address as Address
from harness.virtual.internet.seams import TcpConnection, TcpHandler


class RegistrationStatus(IntEnum):
    """``<stat>`` of +CREG, +CGREG and +CEREG (3GPP TS 27.007 clauses 7.2, 10.1.20, 10.1.22)."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5


class AccessTechnology(IntEnum):
    """``<AcT>`` of +COPS and +CEREG (3GPP TS 27.007 clause 7.3); 8 is eMTC as the modules tell it."""

    GSM = 0
    UTRAN = 2
    E_UTRAN = 7
    EMTC = 8
    NB_IOT = 9


LTE = frozenset({AccessTechnology.E_UTRAN, AccessTechnology.EMTC, AccessTechnology.NB_IOT})
"""Technologies of the evolved packet system, where an attach brings a packet context with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell as a modem tells of it: ``plmn`` is MCC and MNC in digits, ``tac`` and ``ci`` are the numbers."""

    plmn: str
    operator: str
    operator_short: str
    act: AccessTechnology
    tac: int
    ci: int
    rssi_dbm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where a terminal stands with the network.

    Attributes:
        cell: the cell it camps on, None if none.
        cause: EMM/GMM reject cause where status is DENIED (3GPP TS 24.301 clause 9.9.3.9), else 0.
    """

    status: RegistrationStatus
    cell: Cell | None = None
    cause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """A UDP datagram."""

    source: Address
    destination: Address
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An active packet data context: the address the network gave, and its DNS servers."""

    cid: int
    apn: str
    ip: str
    dns: tuple[str, ...] = ("1.1.1.1", "8.8.8.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsAccepted:
    """The SMS centre took a SUBMIT, or a terminal took a DELIVER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsRejected:
    """It did not.

    Attributes:
        cause: RP cause (3GPP TS 24.011 clause 8.2.5.4): 22 memory capacity exceeded, 38 network out of order, ...
    """

    cause: int


SmsOutcome: TypeAlias = SmsAccepted | SmsRejected


class Terminal(Protocol):
    """A modem with its SIM card, seen from the network."""

    @property
    def iccid(self) -> str: ...

    @property
    def imsi(self) -> str: ...

    @property
    def imei(self) -> str: ...

    @property
    def attach_apn(self) -> str:
        """The access point that the attach on LTE asks for, empty where that is left to the network."""

    def registration_changed(self, registration: Registration) -> None:
        """Learn of every change of the registration."""

    def sms_deliver(self, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Take an SMS-DELIVER or SMS-STATUS-REPORT TPDU (no SCA); answer by ``done``."""

    def broadcast_received(self, page: bytes) -> None:
        """Take a page of cell broadcast (3GPP TS 23.041 clause 9.4.1.2) that the cell it camps on says."""

    def datagram_received(self, cid: int, datagram: Datagram) -> None:
        """Take a datagram that arrived on packet context ``cid``."""

    def session_lost(self, cid: int) -> None:
        """Learn that the network ended packet context ``cid``."""

    def receives(self, act: AccessTechnology) -> bool:
        """Tell whether its module works with cells of an access technology."""

    def forbidden_plmns(self) -> frozenset[str]:
        """Return the PLMNs that the SIM card remembers as forbidden (EF_FPLMN, 3GPP TS 31.102 clause 4.2.16)."""

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None:
        """Remember a PLMN as forbidden, or forget that it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundOperator:
    """What a scan finds: one operator with one access technology.

    Attributes:
        status: ``<stat>`` of +COPS=?: 1 available, 2 current, 3 forbidden.
        cell: the best cell it has here.
    """

    status: int
    cell: Cell


class Carrier(Protocol):
    """The network, seen from a modem."""

    def attach(self, terminal: Terminal) -> None:
        """Start looking for a network; results come by :meth:`Terminal.registration_changed`."""

    def detach(self, terminal: Terminal) -> None:
        """Leave: contexts end, SMS wait. No error if it was not attached."""

    def registration(self, terminal: Terminal) -> Registration:
        """Return where the terminal stands now."""

    def signal(self, terminal: Terminal) -> int | None:
        """Return the received signal strength in dBm at this instant, None if the terminal camps nowhere."""

    def scan(self, terminal: Terminal) -> tuple[FoundOperator, ...]:
        """Return what can be received now, the best first; how long a scan takes is the terminal's affair."""

    def select(self, terminal: Terminal, plmn: str | None, act: AccessTechnology | None = None) -> None:
        """Let a terminal use one operator only, and search anew; None lets it choose again."""

    def sms_submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Hand an SMS-SUBMIT or SMS-COMMAND TPDU (no SCA) to the SMS centre."""

    def memory_available(self, terminal: Terminal) -> None:
        """Tell the SMS centre that the terminal has room again (RP-SMMA)."""

    def activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        """Ask for a packet data context; None if the network refuses (not registered, APN, subscription)."""

    def deactivate(self, terminal: Terminal, cid: int) -> None:
        """End a packet data context; no error if there is none."""

    def send_datagram(self, terminal: Terminal, cid: int, datagram: Datagram) -> None:
        """Send a datagram on a context; whether it arrives is nobody's promise."""

    def connect_tcp(self, terminal: Terminal, cid: int, port: int, destination: Address,
                    handler: TcpHandler) -> TcpConnection:
        """Open a TCP connection from local port ``port`` on a context; the outcome comes by the handler."""

    def listen_tcp(self, terminal: Terminal, cid: int, port: int,
                   accept: Callable[[TcpConnection], TcpHandler] | None) -> None:
        """Let hosts connect to a port of the context's address; ``accept`` None ends it."""

    def resolve(self, terminal: Terminal, cid: int, host: str,
                done: Callable[[tuple[str, ...] | None], None]) -> None:
        """Ask for the addresses of a host name; empty if there is none, None if nobody answers or without a context."""

    def ping(self, terminal: Terminal, cid: int, ip: str, size: int, done: Callable[[int | None], None]) -> None:
        """Send an ICMP echo request with ``size`` octets; the round trip in nanoseconds, None if nothing came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What the owner of a SIM card's account lets it do right now.

    Attributes:
        networks: PLMNs (MCC and MNC in digits) that the SIM card may use; None if every one.
        command_number: where texts that become commands go to and come from: ``000``, or ``2936`` in Programmable
            Wireless.
    """

    sim_sid: str
    attach_allowed: bool
    sms_allowed: bool
    data_allowed: bool
    networks: frozenset[str] | None = None
    command_number: str = "000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A terminal registered, was refused, or left.

    Attributes:
        accepted: whether it is registered now.
        cause: EMM/GMM reject cause if it was refused, else 0.
    """

    iccid: str
    imsi: str
    imei: str
    cell: Cell | None
    accepted: bool
    cause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataUsage:
    """A data session began, went on or ended; what flowed since the last report, in octets of IP.

    Attributes:
        session_id: unique in this network.
        began, ended: whether this is the first, or the last report of the session.
        up, down: from, and to the device since the last report.
        up_packets, down_packets: IP packets from, and to the device since the last report.
        idle: nanoseconds after the last report in which nothing flowed and nothing was told: what this one tells of
            begins behind them.
        cause: ESM cause if the network refused to begin the session (3GPP TS 24.301 clause 9.9.4.4), else 0; such a
            session has this one report, and ``ip`` is empty.
    """

    iccid: str
    imsi: str
    imei: str
    session_id: int
    apn: str
    ip: str
    cell: Cell | None
    began: bool = False
    ended: bool = False
    up: int = 0
    down: int = 0
    up_packets: int = 0
    down_packets: int = 0
    idle: int = 0
    cause: int = 0


class Metering(Protocol):
    """The cloud's books, seen from the network: told of what really happened, nothing else is billed."""

    def attachment(self, attachment: Attachment) -> None:
        """Take note of a registration, a refusal or a departure."""

    def data_usage(self, usage: DataUsage) -> None:
        """Take note of a session: at its start, every ``meter_interval`` in which something flowed, and at its end.

        A session that the network refused is told too, with its cause.
        """


class Subscriptions(Protocol):
    """The cloud, seen from the network."""

    def subscription(self, iccid: str) -> Subscription | None:
        """Return the subscription of a SIM card, None if no account owns it."""

    def core_failure(self, iccid: str, *, session: bool) -> int:
        """Return the cause for which the operator's own core network fails now, 0 if it does not.

        Asked once for each attachment (the answer is an EMM cause) and each data session (an ESM cause) that nothing
        else refuses.
        """

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        """Take a text, or 8-bit data, that the SIM card's device sent to its ``command_number``."""

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        """Take a datagram that the SIM card's device sent to the IP gateway."""


class SmsWatcher(Protocol):
    """Who wants to know what becomes of a mobile-terminated SMS.

    Called once with ``attempted``, then once with one of the others.
    """

    @property
    def since(self) -> datetime | None:
        """When the network took it first, if it was given to it before; its validity period began then."""

    def attempted(self) -> None:
        """Learn that the first attempt to deliver was made."""

    def delivered(self) -> None:
        """Learn that the device took it."""

    def failed(self, cause: int, /) -> None:
        """Learn that the validity period is over (cause 0), or that it was rejected for good with this RP cause."""


class SmsProgress(NamedTuple):
    """An :class:`SmsWatcher` made of functions."""

    attempted: Callable[[], None]
    delivered: Callable[[], None]
    failed: Callable[[int], None]
    since: datetime | None = None


class Messaging(Protocol):
    """The network, seen from the cloud."""

    def subscription_changed(self, iccid: str) -> None:
        """Look at the SIM card's subscription again: it may have to leave, or may come back now."""

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        """Send a text, or 8-bit data, from the SIM card's ``command_number`` to the device that holds it.

        Store-and-forward for 24 hours.
        """

    def withdraw_sms(self) -> None:
        """Forget, without a word, all texts from the cloud that no device has taken yet."""

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        """Send a datagram from the IP gateway to a device's port; the device's address, or None if not attached."""
