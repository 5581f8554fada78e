"""The near end of a modem: what tests hold, the same for a real module and a virtual one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import AtPort
from harness.drivers.modem.channel import SerialChannel, Traffic
from harness.drivers.modem.connections import TcpConnection, TcpConnections
from harness.drivers.modem.dialect import Dialect, SetupStep
from harness.drivers.modem.dialects import DIALECTS, recognise
from harness.drivers.modem.dialects.generic import GENERIC
from harness.drivers.modem.facts import Identity, RegistrationState, Signal
from harness.drivers.modem.lines import Line, Response
from harness.drivers.modem.messages import Messages, ReceivedSms, SentSms
from harness.drivers.modem.registration import Registration
from harness.drivers.modem.sockets import UdpSocket, UdpSockets
from harness.drivers.power import PowerSwitch
from harness.errors import CommandFailed, ModemError, PortLost, TimeoutExpired, UsageError
from harness.formats.recording import Recording
from harness.formats.sms import StatusReport
from harness.journal import Journal

_SIM_START, _SIM_POLL = "20s", "500ms"  # a card is readable some seconds after its modem was switched on
_REOPEN = "1s"
_CARD_STARTED = ("+CPIN: READY", "+QUSIM: 1", "#QSS:", "+UUSIMSTAT:")


class Modem:
    """A modem at a serial port.

    Args:
        channel: its AT port; opened and closed with the modem.
        dialect: the family it belongs to; None: what it says of itself tells, each time it is opened.
        clock: time for all waits.
        journal: where facts are told.
        name: how errors and the journal call it.
        expected: parts of its identity that must be as given, such as ``{"imei": ..., "iccid": ...}``.
        power: the switch in its supply, None if there is none.

    A test writes::

        modem.registered(within="60s")
        modem.send_sms("000", "LED IS ON")
        assert modem.expect_sms(within="30s").text == "LED OFF"
        with modem.udp_open(6969) as socket:
            socket.send(b"21.5", to=("100.64.0.1", 6969))
    """

    def __init__(self, channel: SerialChannel, dialect: Dialect | None, clock: Clock, journal: Journal, name: str, *,
                 expected: Mapping[str, str] | None = None, power: PowerSwitch | None = None) -> None:
        self.name = name
        self.channel = channel
        self._clock = clock
        self._journal = journal
        self._named = dialect
        self._expected = dict(expected or {})
        if unknown := sorted(set(self._expected) - set(Identity.__slots__)):
            raise UsageError(f"{name}: a modem's identity has no {', '.join(unknown)}")
        self._power = power
        self._port = AtPort(channel, dialect or GENERIC, clock, journal, name)
        self._messages = Messages(self._port, clock, journal, self._stay_prepared)
        self._sockets = UdpSockets(self._port, clock)
        self._connections = TcpConnections(self._port, clock, self._sockets)
        self._registration = Registration(self._port, clock, self._stay_prepared)
        self._identity: Identity | None = None
        self._port.subscribe(self._card_may_have_changed)
        self._refused: list[SetupStep] = []

    def __repr__(self) -> str:
        return f"Modem({self.name!r}, {self.dialect.name}, {self.channel!r})"

    def __enter__(self) -> Modem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def dialect(self) -> Dialect:
        """The family that the driver takes the modem for."""
        return self._port.dialect

    # -- open and close -----------------------------------------------------------------------------------------------

    def open(self, *, within: Duration = "30s") -> None:
        """Open the port, get in step with the modem and prepare it.

        Recovers from echo, a prompt or a multiplexer that an earlier program left open, and half-read responses.

        Raises:
            TimeoutExpired: the modem does not answer AT in this time.
            CommandFailed: it refuses a command that the driver can't do without.
            ModemError: it is of no family that is known, or not the modem that was expected.
            PortTaken, ModemError, UsageError: the port can't be opened.
        """
        deadline = self._clock.now() + to_ns(within)
        while True:
            left = max(0, deadline - self._clock.now()) / NANOSECONDS
            try:
                self._port.open(within=left)
                self._messages.reset()
                if self._named is None:
                    self._recognise()
                self._prepare()
                self._check_imei()
                return
            except PortLost:  # a module that starts may take its port away once more
                if not left:
                    raise
                self.channel.close()
                self._come_back(left)

    def _check_imei(self) -> None:
        if "imei" in self._expected:
            self._check("imei", self._digits("imei", r"\d{15}"))

    def _recognise(self) -> None:
        manufacturer, model = self._ask("manufacturer"), self._ask("model")
        dialect = recognise(manufacturer, model)
        if dialect is None:
            raise ModemError(f"{self.name} calls itself {manufacturer} {model}, which is of no family that is known: "
                             f"name the dialect; there are {', '.join(DIALECTS)}")
        self._journal.record("driver", "dialect_recognised", device=self.name, dialect=dialect.name, model=model)
        self._port.use(dialect)
        self._sockets.use(dialect.udp)
        self._connections.use(dialect.tcp)

    def _check(self, what: str, found: str) -> None:
        """Compare a part of the identity with what was expected."""
        wanted = self._expected.get(what)
        if wanted is not None and found and wanted != found:
            raise ModemError(f"{self.name}: the rig file says {what} {wanted}, the modem says {found}: another modem "
                             f"or SIM card is at {self.channel.url}")

    # -- power --------------------------------------------------------------------------------------------------------

    def power_cycle(self, *, off_for: Duration = "2s", within: Duration = "90s") -> None:
        """Switch the modem off and on at its supply and prepare it again; a port that goes away is opened anew.

        Args:
            off_for: how long it stays without power.
            within: until it must answer AT again.

        Raises:
            UsageError: the rig has no switch for it.
            DeviceError: the switch does not do as it is told.
            TimeoutExpired, ModemError: the modem does not come back in this time.
        """
        self.power_off()
        self._clock.sleep(off_for)
        self.power_on(within=within)

    def power_off(self) -> None:
        """Take the modem's supply away; raises as :meth:`power_cycle`."""
        self._switch().off()
        self._journal.record("driver", "powered_off", device=self.name)

    def power_on(self, *, within: Duration = "90s") -> None:
        """Give the modem its supply back and prepare it again; raises as :meth:`power_cycle`."""
        self._switch().on()
        self._journal.record("driver", "powered_on", device=self.name)
        self._come_back(within)

    def reopen(self, *, within: Duration = "90s") -> None:
        """Open the port anew after it hung up or was unplugged, as soon as it is there again, and prepare the modem.

        The port is looked up anew, by name or by what ``hwgrep://`` looks for: a module that was reset may be at
        another number. What was received meanwhile is not lost; sockets are.

        Raises:
            TimeoutExpired, ModemError: the port or the modem does not come back in this time, or it is another modem.
        """
        self.channel.close()
        self._come_back(within)

    def _come_back(self, within: Duration) -> None:
        deadline = self._clock.now() + to_ns(within)
        while True:
            try:
                if not self.channel.is_open:
                    self.channel.close()
                    self.channel.open()
                self._port.synchronise(within=max(0, deadline - self._clock.now()) / NANOSECONDS)
                self._prepare()
                break
            except TimeoutExpired:
                raise
            except (PortLost, ModemError, UsageError):
                # a port on USB comes back some seconds after its modem, and may go once more
                if self._clock.now() >= deadline:
                    raise
                self._clock.sleep(_REOPEN)
        self._check_imei()

    def _switch(self) -> PowerSwitch:
        if self._power is None:
            raise UsageError(f"{self.name} has no power switch: the rig file names the programs in [modem.power]")
        return self._power

    def resynchronise(self, *, within: Duration = "30s") -> None:
        """Get in step again after the modem restarted or lost its settings; its sockets are gone by then.

        A restart that the modem tells of is noticed, and this is done before the next SMS, socket or registration.

        Raises:
            TimeoutExpired: the modem does not answer AT in this time.
            CommandFailed: it refuses a command that the driver can't do without.
            PortLost: the port went away; :meth:`reopen` it.
        """
        self._port.synchronise(within=within)
        self._prepare()

    def close(self) -> None:
        """Close the port, leaving the modem as it is. May be called twice."""
        self._sockets.reset()
        self._connections.reset()
        self.channel.close()

    def _prepare(self) -> None:
        self._port.restarted = self._port.echo_is_off = False
        self._messages.reset(keep=True)
        self._sockets.reset()
        self._connections.reset()
        self._identity = None
        self._refused = list(self.dialect.setup)
        self._set_up()
        self._port.echo_is_off = not self._port.echoed  # some don't care what they are told

    def _stay_prepared(self) -> None:
        """Prepare the modem again if it restarted, and repeat what it refused while its SIM card was starting."""
        if not self.dialect.boot and not self._port.restarted:
            with contextlib.suppress(TimeoutExpired):
                self._port.command("AT")  # a modem that says nothing when it starts gives itself away by its echo
        if self._port.restarted:
            self.resynchronise()
        elif self._refused:
            self._set_up()

    def _set_up(self) -> None:
        steps, self._refused = self._refused, []
        for step in steps:
            try:
                self._port.command(step.command)
            except CommandFailed:
                if step.required:
                    raise
                self._refused.append(step)

    # -- commands and what comes by itself ----------------------------------------------------------------------------

    def command(self, text: str, *, within: Duration | None = None, data: bytes | None = None) -> Response:
        """Send an AT command line and return its response.

        Args:
            text: the line, with AT, without carriage return: ``AT+CSQ``.
            within: how long it may take; by default what the dialect says for this command.
            data: what to send at the prompt, its terminator (Ctrl-Z) included, for commands that prompt.

        Raises:
            CommandFailed: a final result other than OK.
            TimeoutExpired: no final result in time.
            PortLost: the port went away.
            UsageError: not a command line.
        """
        return self._port.command(text, within=within, data=data)

    def expect_urc(self, prefix: str, *, within: Duration = "10s", matching: str = "",
                   since: int | None = None) -> Line:
        """Return the next unsolicited code that begins with ``prefix``; see :meth:`AtPort.expect_urc`.

        Raises:
            TimeoutExpired: none came in time; tells what came instead.
            PortLost: the port went away.
        """
        return self._port.expect_urc(prefix, within=within, matching=matching, since=since)

    def mark(self) -> int:
        """Return a cursor for ``expect_urc(since=...)``: only what comes from now on counts."""
        return self._port.mark()

    @property
    def lines(self) -> list[Line]:
        """Everything the modem sent, line by line."""
        return self._port.lines

    def transcript(self) -> list[Traffic]:
        """Return the octets that crossed the port, with time stamps."""
        return self.channel.transcript()

    def save_transcript(self, path: str | Path) -> None:
        """Write the transcript down as a recording, which ``mvh modem replay`` and ``rig.replay`` play."""
        Path(path).write_text(Recording.of(self.transcript()).text(), encoding="ascii")

    # -- who and where ------------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Return who the modem is; asked once after each opening, again while there is no readable SIM card, and again
        when the modem told that a card has started.

        Raises:
            ModemError: an answer is not what such an answer looks like, or not what was expected.
        """
        if self._identity is None or not self._identity.iccid:
            self._identity = Identity(
                manufacturer=self._ask("manufacturer"), model=self._ask("model"), revision=self._ask("revision"),
                imei=self._digits("imei", r"\d{15}"), imsi=self._digits("imsi", r"\d{6,15}", optional=True),
                iccid=self._read_iccid())
        for what in self._expected:
            self._check(what, getattr(self._identity, what))
        return self._identity

    @property
    def iccid(self) -> str:
        """The ICCID of the SIM card in the modem; a card that still starts, as after power-on, is waited for.

        Raises:
            ModemError: there is no readable SIM card, or another one than expected.
        """
        if self._identity is not None and self._identity.iccid:
            return self._identity.iccid
        deadline = self._clock.now() + to_ns(_SIM_START)
        while not (iccid := self._read_iccid()):
            if self._clock.now() >= deadline:
                raise ModemError(f"{self.name} has no readable SIM card: {self._port.saw()}")
            self._clock.sleep(_SIM_POLL)
        self._check("iccid", iccid)
        return iccid

    def signal(self) -> Signal:
        """Return the signal quality.

        Raises:
            ModemError: the answer to +CSQ is not what it must be.
        """
        match = re.fullmatch(r"(\d+),(\d+)", self.command("AT+CSQ").value("+CSQ:"))
        if match is None or (int(match[1]) > 31 and int(match[1]) != 99):
            raise ModemError(f"{self.name} answered AT+CSQ with values outside 3GPP TS 27.007 clause 8.5")
        rssi, ber = int(match[1]), int(match[2])
        return Signal(rssi_dbm=None if rssi == 99 else 2 * rssi - 113, ber_class=None if ber == 99 else ber)

    def registration(self) -> RegistrationState:
        """Return where the modem stands now: the first of the dialect's registrations that has service, or the first.

        Raises:
            ModemError: an answer is not what it must be.
        """
        return self._registration.state()

    def registered(self, *, within: Duration = "60s") -> RegistrationState:
        """Wait until the modem is registered, at home or roaming, and return how.

        Raises:
            TimeoutExpired: not in this time; tells the last state.
        """
        return self._registration.wait(within)

    # -- SMS ----------------------------------------------------------------------------------------------------------

    def send_sms(self, to: str, text: str, *, text_mode: bool = False, status_report: bool = False) -> SentSms:
        """Send a text, in as many messages as it takes, and return when the network has taken it.

        Args:
            to: a number; ``000`` makes it a Super SIM command.
            text_mode: send in text mode: one message, ASCII.
            status_report: ask for status reports, and let the modem tell of them (PDU mode only).

        Raises:
            CommandFailed: the modem or the network refused; ``code`` is the CMS error.
            TimeoutExpired: no answer. The text may have been sent all the same.
            PduError, UsageError: the text or the number has no SMS form.
        """
        return self._messages.send(to, text, text_mode=text_mode, status_report=status_report)

    def expect_sms(self, text: str | None = None, *, within: Duration = "30s",
                   sender: str | None = None) -> ReceivedSms:
        """Return the next text received, or the next one that is ``text`` or from ``sender``.

        What the modem stored is read and deleted; all of it stays in :attr:`inbox`. Each call with the same arguments
        goes on where the last one found its text.

        Raises:
            TimeoutExpired: it did not come in time; tells what came instead.
            ModemError: the modem does not do as it announced.
        """
        return self._messages.expect(text, sender=sender, within=within)

    def expect_status_report(self, reference: int, *, within: Duration = "30s") -> StatusReport:
        """Return the status report on a message by its reference in :class:`SentSms`.

        Raises:
            TimeoutExpired: none came in time.
        """
        return self._messages.expect_report(reference, within=within)

    @property
    def inbox(self) -> list[ReceivedSms]:
        """All texts read so far, oldest first."""
        return self._messages.inbox

    def clear_sms(self) -> None:
        """Delete all messages that the modem stores: a full store receives nothing.

        Raises:
            CommandFailed: the modem refused.
        """
        self._messages.clear_store()

    # -- sockets ------------------------------------------------------------------------------------------------------

    def udp_open(self, port: int) -> UdpSocket:
        """Open a UDP socket bound to a local port, activating the packet context if need be.

        Raises:
            CommandFailed: the modem or the network refused.
            ModemError: the socket could not be opened.
            UsageError: no such port, or all sockets are in use.
        """
        self._stay_prepared()
        return self._sockets.open(port, self.dialect.apn)

    def tcp_open(self, host: str, port: int) -> TcpConnection:
        """Connect to a host by name or IPv4 address, activating the packet context if need be.

        Raises:
            CommandFailed: the modem or the network refused.
            ModemError: the connection could not be opened: nobody listens there, or the name is not known.
            UsageError: no such host or port, or all sockets are in use.
        """
        self._stay_prepared()
        return self._connections.open(host, port, self.dialect.apn)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _card_may_have_changed(self, line: Line) -> None:
        if line.text.startswith(_CARD_STARTED):
            self._identity = None

    def _read_iccid(self) -> str:
        return self._digits("iccid", r"\d{18,20}", optional=True)

    def _ask(self, what: str) -> str:
        # some modules put the command's name before the answer
        return re.sub(r"^[+#*^$]\w+: *", "", self.command(self.dialect.identity[what]).text).strip().strip('"')

    def _digits(self, what: str, pattern: str, *, optional: bool = False) -> str:
        try:
            answer = self._ask(what).rstrip("Ff")
        except CommandFailed:
            if optional:
                return ""
            raise
        if not re.fullmatch(pattern, answer):
            raise ModemError(f"{self.name} answered {self.dialect.identity[what]} with {answer!r}, which is no {what}")
        return answer
