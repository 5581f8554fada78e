"""The near end of a modem: what tests hold, the same for a real module and a virtual one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import AtPort, Line, Response
from harness.drivers.modem.channel import SerialChannel, Traffic
from harness.drivers.modem.dialect import Dialect, SetupStep
from harness.drivers.modem.messages import Messages, ReceivedSms, SentSms
from harness.drivers.modem.sockets import UdpSocket, UdpSockets
from harness.errors import CommandFailed, ModemError, TimeoutExpired
from harness.formats.sms import StatusReport
from harness.journal import Journal

_SIM_START, _SIM_POLL = "20s", "500ms"  # a card is readable some seconds after its modem was switched on
_POLL = "2s"  # between questions about registration, unless the modem speaks first


class RegistrationStatus(IntEnum):
    """``<stat>`` of +CREG and +CEREG (3GPP TS 27.007 clauses 7.2 and 10.1.22)."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5
    HOME_SMS_ONLY = 6
    ROAMING_SMS_ONLY = 7
    EMERGENCY_ONLY = 8
    HOME_NO_CSFB = 9
    ROAMING_NO_CSFB = 10

    @property
    def has_service(self) -> bool:
        """Whether this is a registration, at home or roaming."""
        return self in (1, 5, 6, 7, 9, 10)

    @property
    def is_roaming(self) -> bool:
        """Whether this is a registration away from home."""
        return self in (5, 7, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationState:
    """What the modem tells of its registration.

    Attributes:
        tac: tracking area code, or location area code, None if not told.
        ci: cell identity, None if not told.
        act: access technology number (3GPP TS 27.007 clause 7.3), None if not told.
    """

    status: RegistrationStatus
    tac: int | None = None
    ci: int | None = None
    act: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a modem is; ``imsi`` and ``iccid`` are empty without a readable SIM card."""

    manufacturer: str
    model: str
    revision: str
    imei: str
    imsi: str
    iccid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Signal quality of +CSQ (3GPP TS 27.007 clause 8.5).

    Attributes:
        rssi_dbm: received strength in dBm, None if not known.
        ber_class: channel bit error rate class 0 to 7, None if not known.
    """

    rssi_dbm: int | None
    ber_class: int | None


class Modem:
    """A modem at a serial port.

    Args:
        channel: its AT port; opened and closed with the modem.
        dialect: the family it belongs to.
        clock: time for all waits.
        journal: where facts are told.
        name: how errors and the journal call it.

    A test writes::

        modem.registered(within="60s")
        modem.send_sms("000", "LED IS ON")
        assert modem.expect_sms(within="30s").text == "LED OFF"
        with modem.udp_open(6969) as socket:
            socket.send(b"21.5", to=("100.64.0.1", 6969))
    """

    def __init__(self, channel: SerialChannel, dialect: Dialect, clock: Clock, journal: Journal, name: str) -> None:
        self.name = name
        self.channel = channel
        self.dialect = dialect
        self._clock = clock
        self._journal = journal
        self._port = AtPort(channel, dialect, clock, journal, name)
        self._messages = Messages(self._port, clock, journal, self._stay_prepared)
        self._sockets = UdpSockets(self._port, clock)
        self._identity: Identity | None = None
        self._refused: list[SetupStep] = []

    def __repr__(self) -> str:
        return f"Modem({self.name!r}, {self.dialect.name}, {self.channel!r})"

    def __enter__(self) -> Modem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- open and close -----------------------------------------------------------------------------------------------

    def open(self, *, within: Duration = "30s") -> None:
        """Open the port, get in step with the modem and prepare it.

        Recovers from echo, a prompt or a multiplexer that an earlier program left open, and half-read responses.

        Raises:
            TimeoutExpired: the modem does not answer AT in this time.
            CommandFailed: it refuses a command that the driver can't do without.
            PortTaken, ModemError, UsageError: the port can't be opened.
        """
        self._port.open(within=within)
        self._messages.reset()
        self._prepare()

    def resynchronise(self, *, within: Duration = "30s") -> None:
        """Get in step again after the modem restarted or lost its settings; its sockets are gone by then.

        A restart that the modem tells of is noticed, and this is done before the next SMS, socket or registration.

        Raises:
            TimeoutExpired: the modem does not answer AT in this time.
            CommandFailed: it refuses a command that the driver can't do without.
            PortLost: the port went away; :meth:`close` and :meth:`open` it.
        """
        self._port.synchronise(within=within)
        self._prepare()

    def close(self) -> None:
        """Close the port, leaving the modem as it is. May be called twice."""
        self._sockets.reset()
        self.channel.close()

    def _prepare(self) -> None:
        self._port.restarted = False
        self._messages.reset(keep=True)
        self._sockets.reset()
        self._identity = None
        self._refused = list(self.dialect.setup)
        self._set_up()

    def _stay_prepared(self) -> None:
        """Prepare the modem again if it restarted, and repeat what it refused while its SIM card was starting."""
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

    # -- who and where ------------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        """Return who the modem is; asked once after each opening, and again while there is no readable SIM card.

        Raises:
            ModemError: an answer is not what such an answer looks like.
        """
        if self._identity is None or not self._identity.iccid:
            self._identity = Identity(
                manufacturer=self._ask("manufacturer"), model=self._ask("model"), revision=self._ask("revision"),
                imei=self._digits("imei", r"\d{15}"), imsi=self._digits("imsi", r"\d{6,15}", optional=True),
                iccid=self._read_iccid())
        return self._identity

    @property
    def iccid(self) -> str:
        """The ICCID of the SIM card in the modem; a card that still starts, as after power-on, is waited for.

        Raises:
            ModemError: there is no readable SIM card.
        """
        if self._identity is not None and self._identity.iccid:
            return self._identity.iccid
        deadline = self._clock.now() + to_ns(_SIM_START)
        while not (iccid := self._read_iccid()):
            if self._clock.now() >= deadline:
                raise ModemError(f"{self.name} has no readable SIM card: {self._port.saw()}")
            self._clock.sleep(_SIM_POLL)
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
        states = []
        for query in self.dialect.registration:
            try:
                state = _parse_registration(self.command(query).value(query.removeprefix("AT").rstrip("?") + ":"))
            except CommandFailed:
                continue
            if state.status.has_service:
                return state
            states.append(state)
        if not states:
            raise ModemError(f"{self.name} tells no registration: it refuses {', '.join(self.dialect.registration)}")
        return states[0]

    def registered(self, *, within: Duration = "60s") -> RegistrationState:
        """Wait until the modem is registered, at home or roaming, and return how.

        Raises:
            TimeoutExpired: not in this time; tells the last state.
        """
        span = to_ns(within)
        deadline = self._clock.now() + span
        while True:
            self._stay_prepared()
            mark = self.mark()
            state = self.registration()
            if state.status.has_service:
                return state
            left = deadline - self._clock.now()
            if left <= 0:
                raise TimeoutExpired(f"registration of {self.name}", within=span / NANOSECONDS,
                                     saw=f"{state.status.name.lower().replace('_', ' ')}, {self._port.saw()}")
            self._wait_or(self._spoke_of_registration(mark), min(left, to_ns(_POLL)))

    # -- SMS ----------------------------------------------------------------------------------------------------------

    def send_sms(self, to: str, text: str, *, text_mode: bool = False, status_report: bool = False) -> SentSms:
        """Send a text, in as many messages as it takes, and return when the network has taken it.

        Args:
            to: a number; ``000`` makes it a Super SIM command.
            text_mode: send in text mode: one message, ASCII.
            status_report: ask for status reports (PDU mode only).

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

    # -- inside -------------------------------------------------------------------------------------------------------

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

    def _spoke_of_registration(self, mark: int) -> Callable[[], bool]:
        prefixes = [query.removeprefix("AT").rstrip("?") + ":" for query in self.dialect.registration]
        anything = re.compile("")

        def spoke() -> bool:
            self.channel.check()
            return any(self._port.find_urc(prefix, mark, anything) for prefix in prefixes)

        return spoke

    def _wait_or(self, predicate: Callable[[], bool], nanoseconds: int) -> None:
        try:
            self._clock.wait(predicate, within=nanoseconds / NANOSECONDS, what="news of the registration")
        except TimeoutExpired:
            return


def _parse_registration(value: str) -> RegistrationState:
    fields = [field.strip().strip('"') for field in value.split(",")]
    try:
        status = RegistrationStatus(int(fields[1]))
        tac, ci, act = [*fields[2:5], "", "", ""][:3]
        return RegistrationState(status=status, tac=int(tac, 16) if tac else None, ci=int(ci, 16) if ci else None,
                                 act=int(act) if act else None)
    except (ValueError, IndexError) as problem:
        raise ModemError(f"not a registration as 3GPP TS 27.007 tells it: {value!r}") from problem
