"""The network as its neighbours see it: modems as a :class:`Carrier`, the cloud as :class:`Messaging`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from harness.clock import Duration
from harness.errors import UsageError
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.internet.seams import Address, Internet, TcpConnection, TcpHandler
from harness.virtual.network.capture import Capture
from harness.virtual.network.cell_broadcast import Broadcast, BroadcastCentre
from harness.virtual.network.cells import WEAKEST, CellMap, SignalCurve
from harness.virtual.network.faults import NetworkFaults
from harness.virtual.network.ip_gateway import IpGateway, Traffic
from harness.virtual.network.registration import Registrar
from harness.virtual.network.seams import (
    AccessTechnology,
    Attachment,
    Cell,
    Datagram,
    FoundOperator,
    Metering,
    Registration,
    Session,
    SmsOutcome,
    SmsRejected,
    SmsWatcher,
    Subscription,
    Subscriptions,
    Terminal,
)
from harness.virtual.network.settings import NetworkSettings
from harness.virtual.network.sms_centre import SmsCentre
from harness.virtual.network.sms_queue import CONGESTION
from harness.virtual.world import World

NETWORK_TIMEOUT = 332
"""What a module tells when no answer comes (3GPP TS 27.005 clause 3.2.5); not a cause of the network's."""


class Network:
    """A cellular network with an SMS centre and an IP gateway. Implements ``Carrier`` and ``Messaging``.

    All methods are called in a turn of the world; those under *conditions* take their own turn and may be called by
    tests from any thread.

        >>> from harness.virtual.world import World
        >>> network = Network(World(seed=1))
        >>> network.cells[0].plmn
        '310410'
    """

    def __init__(self, world: World, *, settings: NetworkSettings | None = None) -> None:
        self.settings = settings or NetworkSettings()
        self._world = world
        self._subscriptions: Subscriptions | None = None
        self._metering: Metering | None = None
        self._cells = CellMap(world, self.settings.cells)
        self._registrar = Registrar(world, self.settings, self._cells, served=self._has_service,
                                    unserved=self._lost_service, noted=self._attachment)
        self.capture = Capture(world)
        """Where packets go that somebody wants to see; off until it is started."""
        self._gateway = IpGateway(world, self.settings, self._registrar, self.capture)
        self._centre = SmsCentre(world, self.settings, self._registrar, self._subscription, self.capture)
        self._broadcasts = BroadcastCentre(world, cells=lambda: self._cells.all, listeners=self._registrar.listeners,
                                           seen=self.capture.broadcast)
        self._faults: NetworkFaults | None = None

    def __repr__(self) -> str:
        return f"Network({self._registrar!r}, {self._centre!r}, {self._gateway!r})"

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of this network, on or off, in the order of the settings."""
        return self._cells.all

    def connect_cloud(self, subscriptions: Subscriptions) -> None:
        """Let this cloud say who may do what, and give it what devices send."""
        self._subscriptions = subscriptions
        self._centre.connect(subscriptions)
        self._gateway.connect(subscriptions)
        self._registrar.connect(subscriptions)

    def connect_internet(self, internet: Internet) -> None:
        """Give what devices send past the IP gateway to these hosts; without any, nothing is reachable."""
        self._gateway.path.internet = internet

    def connect_metering(self, metering: Metering) -> None:
        """Tell these books of registrations, and of what flows in data sessions."""
        self._metering = metering
        self._gateway.connect_metering(metering)

    def connect_faults(self, plan: FaultPlan) -> None:
        """Let the faults of a plan strike this network."""
        faults = NetworkFaults(self, plan)
        self._faults = self._registrar.faults = self._gateway.faults = self._centre.faults = faults
        self._gateway.path.faults = faults

    # -- Carrier ------------------------------------------------------------------------------------------------------

    def attach(self, terminal: Terminal) -> None:
        """Start looking for a network; results come by :meth:`Terminal.registration_changed`."""
        self._registrar.attach(terminal)

    def detach(self, terminal: Terminal) -> None:
        """Leave: contexts end, SMS wait. No error if it was not attached."""
        self._registrar.detach(terminal)

    def registration(self, terminal: Terminal) -> Registration:
        """Return where the terminal stands now."""
        return self._registrar.registration(terminal)

    def sms_submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Hand an SMS-SUBMIT or SMS-COMMAND TPDU (no SCA) to the SMS centre."""
        heard = done
        if self._registrar.served_iccid(terminal) is not None:  # else it reaches nobody
            done = self.capture.sms(terminal.iccid, tpdu, done, uplink=True)
        cell = self._registrar.registration(terminal).cell
        if cell is not None and self._cells.is_congested(cell.plmn):
            self._world.call_later(self.settings.sms_latency, lambda: done(SmsRejected(cause=CONGESTION)),
                                   name="network.sms_congestion")
            return
        self._submit(terminal, tpdu, done, heard)

    def memory_available(self, terminal: Terminal) -> None:
        """Tell the SMS centre that the terminal has room again (RP-SMMA)."""
        if (iccid := self._registrar.served_iccid(terminal)) is not None:
            self.capture.memory_available(iccid)
        self._centre.memory_available(terminal)

    def activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        """Ask for a packet data context; None if the network refuses (not registered, APN, subscription)."""
        self._gateway.activate(terminal, cid, apn, done)

    def deactivate(self, terminal: Terminal, cid: int) -> None:
        """End a packet data context; no error if there is none."""
        self._gateway.deactivate(terminal, cid)

    def send_datagram(self, terminal: Terminal, cid: int, datagram: Datagram) -> None:
        """Send a datagram on a context; whether it arrives is nobody's promise."""
        self._gateway.send_from_terminal(terminal, cid, datagram)

    def connect_tcp(self, terminal: Terminal, cid: int, port: int, destination: Address,
                    handler: TcpHandler) -> TcpConnection:
        """Open a TCP connection from local port ``port`` on a context; the outcome comes by the handler."""
        return self._gateway.path.connect(self._gateway.traffic(terminal, cid), port, destination, handler)

    def listen_tcp(self, terminal: Terminal, cid: int, port: int,
                   accept: Callable[[TcpConnection], TcpHandler] | None) -> None:
        """Let hosts connect to a port of the context's address; ``accept`` None ends it."""
        traffic = self._gateway.traffic(terminal, cid)
        if traffic is not None:
            self._gateway.path.listen(traffic, port, accept)

    def resolve(self, terminal: Terminal, cid: int, host: str,
                done: Callable[[tuple[str, ...] | None], None]) -> None:
        """Ask for the addresses of a host name; empty if there is none, None if nobody answers."""
        self._gateway.path.resolve(self._gateway.traffic(terminal, cid), host, done)

    def ping(self, terminal: Terminal, cid: int, ip: str, size: int, done: Callable[[int | None], None]) -> None:
        """Send an ICMP echo request with ``size`` octets; the round trip in nanoseconds, None if nothing came back."""
        self._gateway.path.ping(self._gateway.traffic(terminal, cid), ip, size, done)

    def signal(self, terminal: Terminal) -> int | None:
        """Return the received signal strength in dBm at this instant, None if the terminal camps nowhere."""
        return self._registrar.signal(terminal)

    def scan(self, terminal: Terminal) -> tuple[FoundOperator, ...]:
        """Return what can be received now, the best first; how long a scan takes is the terminal's affair."""
        return self._registrar.scan(terminal)

    def select(self, terminal: Terminal, plmn: str | None, act: AccessTechnology | None = None) -> None:
        """Let a terminal use one operator only, and search anew; None lets it choose again."""
        self._registrar.select(terminal, plmn, act)

    # -- Messaging ----------------------------------------------------------------------------------------------------

    def subscription_changed(self, iccid: str) -> None:
        """Look at the SIM card's subscription again: it may have to leave, or may come back now."""
        self._registrar.recheck(iccid)
        self._gateway.recheck(iccid)

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        """Send a text, or 8-bit data, to the device that holds this SIM card, store-and-forward for 24 hours.

        Raises:
            PduError: the text has no SMS form (more than 255 parts). Nothing was sent.
        """
        self._centre.send(iccid, text, progress)

    def withdraw_sms(self) -> None:
        """Forget, without a word, all texts from the cloud that no device has taken yet."""
        self._centre.withdraw()

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None:
        """Send a datagram from the IP gateway to a device's port; the device's address, or None if not attached."""
        self._gateway.send_to_device(iccid, port, payload, done)

    # -- the virtual internet -----------------------------------------------------------------------------------------

    def send_from_internet(self, datagram: Datagram) -> bool:
        """Send a datagram from a host of the virtual internet to a device; False if no session has the address."""
        return self._gateway.send_from_internet(datagram)

    def udp_from_internet(self, source: Address, destination: Address, payload: bytes) -> bool:
        """Take a datagram of a host for a device's address; False if no device has it."""
        return self.send_from_internet(Datagram(source=source, destination=destination, payload=payload))

    def connect_to_device(self, source: Address, destination: Address, handler: TcpHandler) -> TcpConnection:
        """Open a connection from a host to a port of a device; the outcome comes by the handler."""
        return self._gateway.path.connect_to_device(self._gateway.traffic_at(destination[0]), source, destination,
                                                    handler)

    # -- conditions: for tests and fault plans ------------------------------------------------------------------------

    def lose_coverage(self, iccid: str, *, duration: Duration | None = None) -> None:
        """Take coverage from the terminal with this SIM card, for a while or until :meth:`restore_coverage`.

        Raises:
            UsageError: nobody knows the SIM card.
        """
        with self._world.turn():
            self._check_known(iccid)
            self._registrar.set_coverage(iccid, False)
            if duration is not None:
                self._world.call_later(duration, partial(self._registrar.set_coverage, iccid, True),
                                       name="network.coverage")

    def restore_coverage(self, iccid: str) -> None:
        """Give coverage back: the terminal searches and registers.

        Raises:
            UsageError: nobody knows the SIM card.
        """
        with self._world.turn():
            self._check_known(iccid)
            self._registrar.set_coverage(iccid, True)

    def deny(self, iccid: str, cause: int | None) -> None:
        """Deny service with this EMM cause (3GPP TS 24.301 clause 9.9.3.9) whatever the subscription; None ends it.

        Raises:
            UsageError: no such cause, or nobody knows the SIM card.
        """
        with self._world.turn():
            self._check_known(iccid)
            self._registrar.set_denial(iccid, cause)

    def set_signal(self, ci: int, signal: int | SignalCurve) -> None:
        """Give a cell another strength in dBm, or a strength that changes over time; below -113 it is not received.

        Raises:
            UsageError: there is no such cell, or no such strength.
        """
        with self._world.turn():
            self._cells.set_signal(ci, signal)
            self._registrar.recheck_all()
            if isinstance(signal, SignalCurve):
                for instant in sorted({*signal.crossings(WEAKEST), *self._cells.contests(ci)}):
                    if instant >= self._world.now():
                        self._world.call_at(instant, self._registrar.recheck_all, name="network.signal")

    def switch_cell(self, ci: int, on: bool) -> None:
        """Switch a cell on or off; terminals on it are handed over to another of its operator, or search."""
        with self._world.turn():
            self._cells.set_on(ci, on)
            self._world.journal.record("network", "cell_switched", ci=ci, on=on)
            self._registrar.recheck_all()

    def congest(self, plmn: str, congested: bool = True) -> None:
        """Let an operator refuse new terminals (cause 22) and the SMS centre's traffic with them (cause 42)."""
        with self._world.turn():
            self._cells.set_congested(plmn, congested)
            self._world.journal.record("network", "congestion", plmn=plmn, congested=congested)
            self._registrar.recheck_all()

    def hand_over(self, iccid: str, ci: int) -> None:
        """Move a terminal that has service to another cell; its data sessions stay.

        Raises:
            UsageError: there is no such cell on the air, or the terminal has no service.
        """
        with self._world.turn():
            self._registrar.hand_over(iccid, ci)

    def broadcast(self, content: str | bytes, *, message_id: int, cells: Iterable[int] | None = None,
                  serial: int | None = None, coding: int | None = None, language: str = "", repeat: int = 1,
                  every: Duration = "30s") -> Broadcast:
        """Let cells say a text, or octets, to every device that has service on them; return what is on the air.

        Args:
            message_id: what it is about, 0 to 65535 (3GPP TS 23.041 clause 9.4.1.2.2): 50 is a text about the area.
            cells: identities of the cells; all if left out.
            serial: serial number; another one each time if left out.
            coding: data coding scheme (3GPP TS 23.038 clause 5); by text and language if left out.
            language: two letters, for the data coding scheme.
            repeat: how often it is said, 1 to 10,000; a device takes a serial number once.
            every: from the beginning of one round to that of the next.

        Raises:
            UsageError: no such cell, a number is out of range, or too much is on the air.
            PduError: it does not fit in 15 pages, or not in its coding.

            >>> from harness.virtual.world import World
            >>> Network(World(seed=1)).broadcast("Flood warning", message_id=50).serial_number
            16400
        """
        with self._world.turn():
            return self._broadcasts.send(content, message_id=message_id, cells=cells, serial=serial, coding=coding,
                                         language=language, rounds=repeat, period=every)

    @property
    def broadcasts(self) -> tuple[Broadcast, ...]:
        """The broadcasts that will be said again."""
        return self._broadcasts.on_air

    def end_sessions(self, iccid: str) -> None:
        """End all packet contexts of this SIM card from the network's side.

        Raises:
            UsageError: nobody knows the SIM card.
        """
        with self._world.turn():
            self._check_known(iccid)
            self._gateway.end_all(iccid, "ended by the network", by_network=True)

    def sessions(self, iccid: str) -> list[Traffic]:
        """Return the open data sessions of this SIM card with what flowed in them."""
        return self._gateway.sessions(iccid)

    def sms_waiting(self, iccid: str) -> int:
        """Return how many SMS (parts counted singly) wait for this SIM card."""
        return self._centre.waiting(iccid)

    # -- what faults do -----------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Return the instant of this turn in nanoseconds."""
        return self._world.now()

    def cell_of(self, iccid: str) -> Cell | None:
        """Return the cell that serves a SIM card's terminal, None if none does."""
        return self._registrar.cell_of(iccid)

    def search_again(self, iccid: str, span: int) -> None:
        """Take service from a terminal and let its search last so many nanoseconds, whatever it tries."""
        with self._world.turn():
            self._registrar.set_search(iccid, span)

    def end_search(self, iccid: str) -> None:
        """Let a search that lasts end as others do."""
        with self._world.turn():
            self._registrar.set_search(iccid, None)

    def allow_roaming(self, iccid: str, allowed: bool) -> None:
        """Let visited networks take a SIM card in, or refuse it with cause 13."""
        with self._world.turn():
            self._registrar.set_roaming(iccid, allowed)

    def change_technology(self, iccid: str, act: AccessTechnology) -> None:
        """Move a terminal that has service to its operator's cell of another technology, made if there is none."""
        with self._world.turn():
            cell = self._registrar.cell_of(iccid)
            if cell is not None and cell.act is not act:
                self._registrar.hand_over(iccid, self._cells.beside(cell, act).ci, forced=True)

    def look_at_connections(self) -> None:
        """Let faults strike connections on which nothing flows."""
        self._gateway.path.look()

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """Return the addresses of a host, by name or address, as the internet knows them."""
        internet = self._gateway.path.internet
        return internet.resolve(name) if internet is not None else (name,)

    def limit_nat(self, timeout: int | None) -> None:
        """Let the gateway forget ways back after so many idle nanoseconds; None as the settings say."""
        with self._world.turn():
            self._gateway.path.limit_nat(timeout)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _check_known(self, iccid: str) -> None:
        """Refuse what would have no effect, such as the name of a modem."""
        if self._subscriptions is not None and self._subscription(iccid) is None and not self._registrar.knows(iccid):
            raise UsageError(f"no SIM card has the ICCID {iccid!r}: 'modem.iccid' is that of a modem's")

    def _subscription(self, iccid: str) -> Subscription | None:
        return self._subscriptions.subscription(iccid) if self._subscriptions is not None else None

    def _submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None],
                unanswered: Callable[[SmsOutcome], None]) -> None:
        """Give a TPDU to the SMS centre; ``unanswered`` is told what no answer on the air stands for."""
        faults, iccid = self._faults, terminal.iccid
        if faults is None:
            self._centre.submit(terminal, tpdu, done)
            return
        if (fault := faults.strike("sms-refused", iccid)) is not None:
            self._world.call_later(self.settings.sms_latency,
                                   partial(done, SmsRejected(cause=fault.spec.number("cause"))),
                                   name="network.sms_fault")
            return
        if (fault := faults.strike("sms-answer-lost", iccid)) is not None:
            self._world.call_later(f"{fault.spec.number('by')}ns",
                                   partial(unanswered, SmsRejected(cause=NETWORK_TIMEOUT)), name="network.sms_fault")
            self._centre.submit(terminal, tpdu, lambda outcome: None)
            return
        if (fault := faults.strike("sms-slow", iccid)) is not None:
            by = f"{fault.spec.number('by')}ns"
            self._centre.submit(terminal, tpdu, lambda outcome: self._call_later(by, partial(done, outcome)))
            return
        self._centre.submit(terminal, tpdu, done)

    def _call_later(self, delay: Duration, action: Callable[[], None]) -> None:
        self._world.call_later(delay, action, name="network.sms_fault")

    def _attachment(self, attachment: Attachment) -> None:
        if self._metering is not None:
            self._metering.attachment(attachment)

    def _has_service(self, iccid: str) -> None:
        self._centre.alert(iccid)

    def _lost_service(self, iccid: str, by_network: bool) -> None:
        self._gateway.end_all(iccid, "service lost" if by_network else "detached", by_network=by_network)
        self._centre.abandon(iccid)
