"""A virtual cellular modem: module, SIM slot, radio and AT ports, as one terminal of the virtual network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.errors import UsageError
from harness.formats.sms import Address
from harness.journal import Fact
from harness.virtual.faults.fault import Fault
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.modem.boot import BootSequence
from harness.virtual.modem.cell_broadcast import BroadcastReceiver
from harness.virtual.modem.charset import from_line, to_line
from harness.virtual.modem.codes import Cme, Cms, Family
from harness.virtual.modem.command import Line, Needs, Refused, cme, cms
from harness.virtual.modem.dialect import FEATURES, build_commands, build_settings
from harness.virtual.modem.engine import Session, State
from harness.virtual.modem.faults import ModemFaults
from harness.virtual.modem.imei import checked_imei, draw_imei, serial_number
from harness.virtual.modem.output import OutputQueue
from harness.virtual.modem.packet import PacketContexts
from harness.virtual.modem.phone_book import PhoneBooks
from harness.virtual.modem.ports import Ports
from harness.virtual.modem.power_saving import PowerSaving
from harness.virtual.modem.profile import Profile, load_profile
from harness.virtual.modem.pty_endpoint import PtyEndpoint
from harness.virtual.modem.radio import Radio
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sim_card import SimCard
from harness.virtual.modem.sim_slot import SimSlot
from harness.virtual.modem.sms_service import SmsService
from harness.virtual.modem.sockets import SocketTable
from harness.virtual.modem.timings import Timings
from harness.virtual.modem.wall_clock import WallClock
from harness.virtual.modem.watcher import Watcher
from harness.virtual.network.seams import AccessTechnology, Carrier, Datagram, Registration, SmsOutcome
from harness.virtual.world import Event, World


class VirtualModem:
    """One modem. It is off until :meth:`power_on`.

    Args:
        world: where it lives.
        carrier: the network around it.
        name: how the journal calls it.
        profile: what module it is: a name, or a profile of one's own.
        sim: the card in its slot, None for an empty one.
        imei: 15 digits with a right check digit; drawn from the world's seed if left out.
        link: name of the link to its pseudo-terminal; None: no port but those of :meth:`add_port`.
        ports: further AT ports: paths of links, ``tcp:127.0.0.1:PORT``, ``unix:PATH`` or ``abstract:NAME``.
        hold_banner: keep what it says before the first client opens the port for that client.
        time_scale: factor on all delays of the profile; 0 answers everything at once.
        pace: which delays those are: ``quick``, ``typical`` or ``longest``; see :mod:`harness.virtual.modem.timings`.
        bits_per_second: line speed to imitate, 0 for none.
        garble: let a client whose line speed is not that of +IPR read and write rubbish.

    Attributes:
        endpoint: the pseudo-terminal, None without ``link``.
        ports: that and all further ones: to unplug and plug them, and where clients find them.

    Raises:
        UsageError: a value breaks a rule; the message states it.
        PortTaken: the link's name is in use.

        >>> from harness.virtual.network import Network
        >>> world = World(seed=1)
        >>> modem = VirtualModem(world, Network(world), name="modem-1")
        >>> said = bytearray()
        >>> port = modem.add_port(said.extend)
        >>> modem.power_on()
        >>> port.receive(b"ATE0\\rAT+CGMM\\r"); said.endswith(b"BG96\\r\\n\\r\\nOK\\r\\n")
        True
    """

    def __init__(self, world: World, carrier: Carrier, *, name: str, profile: str | Profile = "BG96",
                 sim: SimCard | None = None, imei: str | None = None, link: Path | None = None,
                 ports: Sequence[str] = (), hold_banner: bool = False, time_scale: float = 1.0,
                 pace: str = "quick", bits_per_second: int = 0, garble: bool = False) -> None:
        if time_scale < 0:
            raise UsageError("a time scale can't be negative")
        self.world = world
        self.carrier = carrier
        self.name = name
        self.profile = load_profile(profile) if isinstance(profile, str) else profile
        self.imei = checked_imei(imei) if imei is not None else \
            draw_imei(self.profile.imei_tac, world.random(f"modem.{name}.imei"))
        self.serial_number = serial_number(self.imei)
        self.powered = False
        self.last_error = "No cause information available"
        self.saved_sms_settings: tuple[Address | None, dict[str, Value]] | None = None
        self.socket_error = 0
        self.socket_contexts: set[int] = set()
        self.faults: ModemFaults | None = None
        self._time_scale = time_scale
        self._bits_per_second = bits_per_second
        self.power_cycle = 0
        self.timings = Timings(self.profile, pace, time_scale)
        self.boot = BootSequence(self)
        self.commands = build_commands(self.profile)
        self.settings = build_settings(self.profile)
        self.slot = SimSlot(self, sim)
        self.radio = Radio(self)
        self.packet = PacketContexts(self)
        self.sms = SmsService(self)
        self.books = PhoneBooks(self)
        self.broadcasts = BroadcastReceiver(self)
        self.sockets = SocketTable(self)
        self.clock = WallClock(world)
        self.saving = PowerSaving(self)
        self.watchers: list[Watcher] = []
        self.sessions: list[Session] = []
        for feature in self.profile.features:
            if (attach := FEATURES[feature].attach) is not None:
                attach(self)
        self.ports = Ports(self, garble=garble)
        self.endpoint: PtyEndpoint | None = None
        try:
            if link is not None:
                opened = self.ports.open(Path(link), hold=hold_banner)
                self.endpoint = opened if isinstance(opened, PtyEndpoint) else None
            for address in ports:
                self.ports.open(address)
        except BaseException:
            self.ports.close()
            raise

    def __repr__(self) -> str:
        state = self.radio.registration.status.name if self.powered else "off"
        return f"VirtualModem({self.name!r}, {self.profile.name}, {state})"

    # -- ports --------------------------------------------------------------------------------------------------------

    def add_port(self, sink: Callable[[bytes], None]) -> Session:
        """Return a further AT port that says what it has to say to ``sink``; feed its :meth:`Session.receive`."""
        session = Session(self, OutputQueue(self.world, sink, bits_per_second=self._bits_per_second))
        self.sessions.append(session)
        if self.faults is not None:
            self.faults.adopt(session)
        return session

    def remove_port(self, session: Session) -> None:
        """Take a port away; no error if it is not here."""
        if session in self.sessions:
            self.sessions.remove(session)
            if self.faults is not None:
                self.faults.release(session)

    def close(self) -> None:
        """Switch off and hang up; the link is removed. May be called twice."""
        self.power_off()
        self.ports.close()

    # -- power --------------------------------------------------------------------------------------------------------

    def power_on(self) -> None:
        """Switch on: the boot sequence of the profile begins. No effect if it is on."""
        if self.powered:
            return
        self.powered = True
        self.saving.started()
        self.settings.recall()
        self.radio.reset()
        self.clock.reset()
        self.slot.power_on()
        self.record("powered_on")
        self.boot.begin(late=self.faults.late_boot() if self.faults is not None else 0)

    def power_off(self) -> None:
        """Cut the power: nothing is said, and what was not stored is gone. No effect if it is off."""
        if not self.powered:
            return
        self.powered = False
        self.power_cycle += 1
        if self.faults is not None:
            self.faults.powered_off()
        self.boot.stop()
        self.radio.leave()
        self._forget()
        self.slot.power_off()
        for session in tuple(self.sessions):
            session.reset()
        self.record("powered_off")

    def power_down(self) -> None:
        """Switch off the way a module does when it is asked to."""
        if self.powered:
            if word := self.profile.text("power_down_urc"):
                self.urc(word)
            self.power_off()

    def wake(self) -> None:
        """Press the power key: start a module that is off or in power saving mode."""
        self.saving.wake()
        self.power_on()

    def reboot(self) -> None:
        """Switch off and on again."""
        if self.powered:
            self.power_off()
            self.power_on()

    def _forget(self) -> None:
        self.packet.reset()
        self.sockets.reset()
        self.socket_contexts.clear()
        self.sms.reset()
        self.broadcasts.reset()

    def set_functionality(self, level: int) -> None:
        """Carry out +CFUN without a reset: 0 minimum, 1 full, 4 RF off."""
        before, self.radio.functionality = self.radio.functionality, level
        if level != 1:
            self.radio.leave()
            self.radio.freshen()
        if level == 0:
            self.boot.stop()
            self._forget()
            self.slot.power_off()
        elif before == 0:
            self.slot.power_on()
            self.boot.start_sim()
        if level == 1:
            self.radio.search()

    # -- SIM card -----------------------------------------------------------------------------------------------------

    def sim_unlocked(self) -> None:
        """The PIN was given: look for a network."""
        self.record("sim_unlocked")
        self._tell_if_ready()
        self.radio.search()
        self.boot.unlocked()

    def start_card(self) -> None:
        """Let the card in the slot come up, as the boot sequence asks for."""
        self.slot.start()
        if self.slot.started:
            self.sms.sim_started()
        self._tell_if_ready()

    def _tell_if_ready(self) -> None:
        if self.slot.ready:
            for watcher in self.watchers:
                watcher.sim_ready()

    @property
    def card_initialised(self) -> bool:
        """Whether the card asks for nothing, and all that is told when it does has been told."""
        return self.slot.ready and not self.boot.waits_for_pin

    def connect_faults(self, plan: FaultPlan) -> None:
        """Let the faults of a plan strike this modem."""
        self.faults = ModemFaults(self, plan)

    def remove_sim(self, *, told: bool = True) -> SimCard | None:
        """Pull the card out, hot or cold, and return it; with or without a word from the module about it."""
        if self.powered:
            self.radio.leave()
            self.sms.reset()
        card = self.slot.remove()
        if card is not None:
            self.record("sim_removed")
            if told:
                self._tell_sim(False)
        return card

    def insert_sim(self, card: SimCard) -> None:
        """Put a card in, hot or cold.

        Raises:
            UsageError: the slot is taken.
        """
        if self.slot.card is not None:
            raise UsageError(f"the slot of {self.name} is taken: remove the card in it first")
        self.slot.insert(card)
        self.record("sim_inserted")
        self._tell_sim(True)
        if self.powered and self.radio.functionality:
            self.boot.start_sim()

    def _tell_sim(self, inserted: bool) -> None:
        if self.powered:
            word = "" if inserted else self.profile.text("sim_removed_urc")
            if word:
                self.urc(word)
            for watcher in self.watchers:
                watcher.sim_changed(inserted)

    def switch_imsi(self, imsi: str) -> None:
        """Let a multi-IMSI card change its identity: the card is refreshed and the modem registers anew.

        Raises:
            UsageError: there is no card, or it is no IMSI.
        """
        card = self.slot.card
        if card is None:
            raise UsageError(f"{self.name} has no SIM card")
        card.change_imsi(imsi)
        self.record("imsi_changed")
        self.restart_sim()

    def restart_sim(self) -> None:
        """Start the card anew, as after a REFRESH: service ends, and begins again with what the card says now."""
        if self.powered and self.radio.functionality:
            self.radio.leave()
            self.slot.restart()
            self.boot.start_sim()

    # -- what features need -------------------------------------------------------------------------------------------

    def later(self, delay: int, action: Callable[[], None], *, name: str, scaled: bool = True) -> Event:
        """Let ``action`` happen after ``delay`` nanoseconds of the profile, unless the power goes before."""
        generation = self.power_cycle

        def act() -> None:
            if generation == self.power_cycle:
                action()

        span = round(delay * self._time_scale) if scaled else delay
        return self.world.call_at(self.world.now() + span, act, name=name)

    def urc(self, body: Line, *, kept: bool = True) -> None:
        """Say something nobody asked for, on every port that tells; a module without power says nothing.

        Args:
            kept: whether ports in data mode say it as soon as that is over, or not at all.
        """
        if self.powered:
            for session in self._telling():
                if kept or session.state is not State.DATA:
                    session.unsolicited(body)

    @property
    def link_reserved(self) -> bool:
        """Whether every port that would tell is in data mode; a module without ports has no link to reserve."""
        ports = self._telling()
        return bool(ports) and all(session.state is State.DATA for session in ports)

    def _telling(self) -> tuple[Session, ...]:
        """Return all ports, or the one that was chosen by +QURCCFG with the channels of a multiplexer."""
        chosen = self.settings.text("+QURCCFG") if "+QURCCFG" in self.settings else "all"
        if chosen == "all":
            return tuple(self.sessions)
        ports = [session for session in self.sessions if not session.multiplexed]
        number = min(("usbat", "usbmodem", "uart1").index(chosen), len(ports) - 1)
        return tuple(session for session in self.sessions if session.multiplexed or session is ports[number])

    def record(self, event: str, **facts: Fact) -> None:
        """Write a fact to the journal."""
        self.world.journal.record("modem", event, device=self.name, t=None, **facts)

    def strike(self, kind: str) -> Fault | None:
        """Return the fault of a kind that strikes what passes here now, None if none does."""
        return self.faults.strike(kind) if self.faults is not None else None

    def unmet(self, needs: Needs, family: Family) -> Refused | None:
        """Return the refusal for the first need that does not hold, None if all do."""
        if not needs:
            return None
        error: tuple[Cme, Cms] | None = None
        if needs & (Needs.SIM | Needs.UNLOCKED):
            error = self.slot.error(unlocked=bool(needs & Needs.UNLOCKED))
        if error is None and needs & Needs.RADIO and self.radio.functionality != 1:
            error = (Cme.NOT_ALLOWED, Cms.NO_NETWORK)
        if error is None and needs & Needs.REGISTERED and not self.radio.served:
            error = (Cme.NO_NETWORK, Cms.NO_NETWORK)
        if error is None:
            return None
        return cme(error[0]) if family is Family.CME else cms(error[1])

    def encode_text(self, text: str) -> str:
        """Return a string as the character set of +CSCS writes it."""
        return to_line(text, self.settings.text("+CSCS"))

    def decode_text(self, line: str) -> str:
        """Return what a string in the character set of +CSCS says.

        Raises:
            ValueError: it is not in that character set.
        """
        return from_line(line, self.settings.text("+CSCS"))

    def service_changed(self, before: bool, now: bool) -> None:
        """Service began or ended: contexts and clock follow."""
        if before and not now:
            self.packet.service_lost()
        elif now and not before:
            if self.settings.number("+CTZU"):
                self.clock.take_network_time()
            self._tell_zone()
            self.packet.service_found()
        if before != now:
            for watcher in self.watchers:
                watcher.service_changed(now)
            self.saving.arm()

    def cell_changed(self) -> None:
        """The module camps elsewhere."""
        for watcher in self.watchers:
            watcher.cell_changed()

    def network_time(self, *, seconds: int, quarters: int) -> None:
        """Take a time from the network that is so many seconds off, with this zone, and tell of it (NITZ)."""
        if self.powered and self.radio.served and self.settings.number("+CTZU"):
            self.clock.take_network_time(quarters, seconds=seconds)
            self._tell_zone()

    def _tell_zone(self) -> None:
        mode = self.settings.number("+CTZR")
        if mode == 1:
            self.urc(f'+CTZV: "{self.clock.zone}"')
        elif mode == 2:
            self.urc(f'+CTZE: "{self.clock.zone}",0,"{self.world.calendar():%Y/%m/%d,%H:%M:%S}"')

    # -- Terminal: what the network sees ------------------------------------------------------------------------------

    @property
    def iccid(self) -> str:
        """The ICCID under which the network knows the card, empty without one."""
        return self.slot.card.subscriber if self.slot.card is not None else ""

    @property
    def imsi(self) -> str:
        """The card's IMSI of the moment, empty without one."""
        return self.slot.card.imsi if self.slot.card is not None else ""

    @property
    def attach_apn(self) -> str:
        """The access point of the first context, empty if it has none."""
        return self.packet.attach_apn

    def registration_changed(self, registration: Registration) -> None:
        """Learn of a change of the registration."""
        if self.powered:
            self.radio.network_says(registration)

    def sms_deliver(self, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Take an SMS-DELIVER or SMS-STATUS-REPORT; a module that is off refuses for the moment."""
        self.saving.when_reachable(lambda: self.sms.deliver(tpdu, done))

    def broadcast_received(self, page: bytes) -> None:
        """Take a page of cell broadcast; a module without power, or asleep, hears none."""
        if self.powered and self.radio.served:
            self.broadcasts.take(page)

    def datagram_received(self, cid: int, datagram: Datagram) -> None:
        """Take a datagram, as soon as the module listens."""
        self.saving.when_reachable(lambda: self._take_datagram(cid, datagram))

    def _take_datagram(self, cid: int, datagram: Datagram) -> None:
        if self.powered:
            tap = self.packet.taps.get(cid)
            if tap is not None:
                tap.datagram_received(datagram)
            else:
                self.sockets.arrived(cid, datagram)

    def session_lost(self, cid: int) -> None:
        """Learn that the network ended a context."""
        if self.powered:
            self.packet.lost(cid)

    def receives(self, act: AccessTechnology) -> bool:
        """Tell whether this type of module works with cells of an access technology."""
        return self.radio.receives(act)

    def forbidden_plmns(self) -> frozenset[str]:
        """Return what the card's EF_FPLMN holds."""
        return self.radio.forbidden_plmns()

    def forbid_plmn(self, plmn: str, forbidden: bool) -> None:
        """Write a PLMN to the card's EF_FPLMN, or take it out."""
        self.radio.forbid_plmn(plmn, forbidden)
