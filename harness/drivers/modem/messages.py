"""SMS through a modem: sending by +CMGS, receiving by +CMTI or +CMT, long texts cut and joined.

PDU mode is the rule, because it says everything; text mode (3GPP TS 27.005 clause 4) is there for modems and tests that
need it, and takes what fits one message of the GSM 7-bit alphabet.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import CTRL_Z, AtPort
from harness.drivers.modem.lines import Line
from harness.errors import (
    CommandFailed,
    FormatError,
    HarnessError,
    ModemError,
    PduError,
    TimeoutExpired,
    UsageError,
)
from harness.formats.sms import Deliver, Reassembler, StatusReport, Submit, decode_from_network, gsm7, split_sca
from harness.journal import Journal

_T = TypeVar("_T")

_KEPT = 10_000
_ANNOUNCED = re.compile(r'\+(?:CMTI|CDSI): *"(?P<store>\w+)",(?P<index>\d+)')
_DIRECT = ("+CMT:", "+CDS:")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LOOK_AFTER = "10s"  # how often a modem that tells of no restart is looked after while a text is awaited
_NOTHING_TO_ACKNOWLEDGE = 340
_NO_SUCH_MESSAGE = 321  # +CMS ERROR of 3GPP TS 27.005 clause 3.2.5: invalid memory index
_READINGS = 3  # of a message that does not come as long as its header says
_LISTED = re.compile(r"\+CMGL: *(?P<index>\d+),\d+,[^,]*,\d+")
_STORES = re.compile(r'"(\w+)",(\d+),(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedSms:
    """A text that the modem received, whole.

    Attributes:
        t: when the driver had read all of it, in nanoseconds of the clock.
        sender: the number or name it came from; ``000`` for Super SIM commands.
        text: the text; octets (8-bit coding) as ISO 8859-1.
        timestamp: when the SMS centre took it (the last part to be read), None where it tells no moment.
        parts: of how many messages it was made.
    """

    t: int
    sender: str
    text: str
    timestamp: datetime | None
    parts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSms:
    """A text that the modem handed to the network.

    Attributes:
        references: TP-MR of each message it was made of, as the modem told them.
    """

    to: str
    text: str
    references: tuple[int, ...]


class Messages:
    """The SMS side of one modem.

    Args:
        prepare: called before the modem is used; brings its settings back if it has restarted.
    """

    def __init__(self, port: AtPort, clock: Clock, journal: Journal, prepare: Callable[[], None]) -> None:
        self._port = port
        self._prepare = prepare
        self._clock = clock
        self._journal = journal
        self._inbox: deque[ReceivedSms] = deque(maxlen=_KEPT)
        self._reports: deque[StatusReport] = deque(maxlen=_KEPT)
        self._count = 0
        self._cursors: dict[tuple[str | None, str | None], int] = {}
        self._announced: deque[tuple[str, int]] = deque(maxlen=_KEPT)
        self._direct: deque[Line] = deque(maxlen=_KEPT)
        self._joiner = Reassembler()
        self._reference = 0
        self._store = ""
        self._gaps = 0  # of the port, when the store was last looked through
        self._unreadable = ""
        port.subscribe(self._heard)

    def __repr__(self) -> str:
        return f"Messages({self._count} received, {len(self._announced)} to read)"

    def reset(self, *, keep: bool = False) -> None:
        """Forget what is to be read, as the port was opened anew; ``keep`` it if the modem was only restarted."""
        if not keep:
            self._announced.clear()
            self._direct.clear()
            self._gaps = self._port.gaps
        self._store = ""

    @property
    def inbox(self) -> list[ReceivedSms]:
        """All texts received so far, oldest first; the last 10,000 are kept."""
        return list(self._inbox)

    @property
    def status_reports(self) -> list[StatusReport]:
        """All status reports received so far, oldest first; the last 10,000 are kept."""
        return list(self._reports)

    # -- sending ------------------------------------------------------------------------------------------------------

    def send(self, to: str, text: str, *, text_mode: bool = False, status_report: bool = False) -> SentSms:
        """Send a text; see :meth:`Modem.send_sms`."""
        self._prepare()
        if status_report and not text_mode:
            self._route_reports()
        wanted = self._port.text_mode  # somebody may have wanted it, for commands of their own
        if wanted and not text_mode:  # where a length would be taken for a number to send to
            self._port.command("AT+CMGF=0")
        try:
            references = (self._send_text_mode(to, text) if text_mode
                          else self._send_pdus(to, text, status_report=status_report))
        finally:
            if wanted and not self._port.text_mode:
                self._port.command("AT+CMGF=1")
        self._journal.record("driver", "sms_sent", device=self._port.name, to=to, text=text, parts=len(references))
        return SentSms(to=to, text=text, references=references)

    def _route_reports(self) -> None:
        """Let the modem tell of status reports if it does not, directly or by their place in a store."""
        mode, kind, broadcast, reports, buffer = self._port.command("AT+CNMI?").value("+CNMI:").split(",")[:5]
        if reports.strip() != "0":
            return
        try:
            self._port.command(f"AT+CNMI={mode},{kind},{broadcast},1,{buffer}")
        except CommandFailed:
            self._port.command(f"AT+CNMI={mode},{kind},{broadcast},2,{buffer}")

    def _send_pdus(self, to: str, text: str, *, status_report: bool) -> tuple[int, ...]:
        self._reference = (self._reference + 1) % 256
        parts = Submit.parts_for_text(text, destination=to, reference=self._reference,
                                      status_report_request=status_report)
        tpdus = [part.encode() for part in parts]  # all of them before the first is sent
        references = []
        for tpdu in tpdus:
            pdu = b"\x00" + tpdu  # no service centre address: the one in the modem
            response = self._port.command(f"AT+CMGS={len(tpdu)}", data=pdu.hex().upper().encode() + CTRL_Z)
            references.append(_number(response.value("+CMGS:")))
        return tuple(references)

    def _send_text_mode(self, to: str, text: str) -> tuple[int, ...]:
        if not re.fullmatch(r"\+?[0-9*#]+", to):
            raise UsageError(f"text mode sends to numbers only, not {to!r}")
        if not text.isascii() or not gsm7.is_encodable(text) or gsm7.septet_count(text) > 160:
            raise UsageError("text mode takes one message of ASCII characters; use PDU mode for any other text")
        if set(text) & {"\x1a", "\x1b", "\b"}:
            raise UsageError("text mode can't carry the characters that end or edit the input")
        self._port.command("AT+CMGF=1")
        try:
            self._port.command('AT+CSCS="IRA"')
            response = self._port.command(f'AT+CMGS="{to}"', data=text.encode("ascii") + CTRL_Z)
        finally:
            self._port.command("AT+CMGF=0")
        return (_number(response.value("+CMGS:")),)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def expect(self, text: str | None, *, sender: str | None, within: Duration) -> ReceivedSms:
        """Return the next text that fits; see :meth:`Modem.expect_sms`."""
        what = f"SMS {text!r}" if text is not None else "an SMS"
        what += f" from {sender}" if sender is not None else ""
        return self._until(lambda: self._next(text, sender), f"{what} on {self._port.name}", within)

    def expect_report(self, reference: int, *, within: Duration) -> StatusReport:
        """Return the newest status report on this message reference; see :meth:`Modem.expect_status_report`."""
        def found() -> StatusReport | None:
            return next((report for report in reversed(self._reports) if report.message_reference == reference), None)

        return self._until(found, f"a status report on message {reference} on {self._port.name}", within)

    def _until(self, found: Callable[[], _T | None], what: str, within: Duration) -> _T:
        """Read what comes until something is found."""
        span, begin = to_ns(within), self._clock.now()
        while True:
            try:
                self.fetch()
            except TimeoutExpired:  # a modem that has just been switched on, or is busy
                if self._clock.now() - begin >= span:
                    raise
                continue
            if (received := found()) is not None:
                return received
            if not self._wait(begin, span, what):
                saw = self._port.saw()
                if not self._restore_routing():
                    raise TimeoutExpired(what, within=span / NANOSECONDS, saw=self._saw(saw))

    def fetch(self) -> None:
        """Read and delete every message that the modem has announced, or may have announced when nobody could hear."""
        self._prepare()
        if self._gaps != self._port.gaps and self._port.in_step:
            self._look_through()
        acknowledge = bool(self._direct) and self._wants_acknowledgement()
        while self._direct:
            line = self._direct.popleft()
            self._port.seen(line)
            if self._take_pdu("".join(line.body)) and acknowledge:
                self._acknowledge()
        while self._announced:
            store, index = self._announced[0]
            self._read(store, index)
            self._announced.popleft()
            self._delete(index)

    def clear_store(self) -> None:
        """Delete all messages in the modem's stores, read or not."""
        self._announced.clear()  # now: as soon as there is room, the network delivers what it kept
        for store in self._stores():
            self._select(store)
            self._port.command("AT+CMGD=1,4")

    def _stores(self) -> list[str]:
        """Return the stores in use, that for received messages first (3GPP TS 27.005 clause 3.2.2)."""
        return list(dict.fromkeys(name for name, _, _ in reversed(self._fillings())))

    def _fillings(self, within: Duration | None = None) -> list[tuple[str, int, int]]:
        """Return the names of the stores for reading, writing and receiving, with how full they are."""
        told = self._port.command("AT+CPMS?", within=within).value("+CPMS:")
        return [(name, int(used), int(total)) for name, used, total in _STORES.findall(told)]

    def _select(self, store: str) -> None:
        if store != self._store:
            self._store = ""
            self._port.command(f'AT+CPMS="{store}"')
            self._store = store

    def _look_through(self) -> None:
        """Take what was received and not announced: the modem started anew, or the port was away."""
        gaps = self._port.gaps
        try:
            self._select(self._stores()[0])
            response = self._port.command("AT+CMGL=0")
        except (ModemError, IndexError):  # the card may not be ready yet; what comes is announced
            return
        self._gaps = gaps
        for line in response.lines:
            if match := _LISTED.fullmatch(line):
                self._announced.append((self._store, int(match["index"])))

    def _wait(self, begin: int, span: int, what: str) -> bool:
        """Wait until there may be something to read, or it is time to look after the modem; False at the deadline."""
        elapsed = self._clock.now() - begin
        left, look_after = max(0, span - elapsed), to_ns(_LOOK_AFTER)
        slice_ = min(left, max(elapsed, look_after) if self._port.dialect.boot else look_after)
        try:
            self._clock.wait(self._something_to_read, within=slice_ / NANOSECONDS, what=what)
        except TimeoutExpired:
            if left <= slice_:
                return False
            self._restore_routing()
        return True

    def _restore_routing(self) -> bool:
        """Let messages be announced again if the modem has ceased to, as it must when nobody acknowledged one in time.

        Returns whether it had (3GPP TS 27.005 clause 3.2.1: both <mt> and <ds> of +CNMI are 0 then).
        """
        step = next((step for step in self._port.dialect.setup if step.command.startswith("AT+CNMI=")), None)
        if step is None or not self._port.in_step:
            return False
        try:
            if self._port.command("AT+CNMI?").value("+CNMI:").split(",")[1].strip() != "0":
                return False
            self._port.command(step.command)
        except (ModemError, IndexError, TimeoutExpired):
            return False
        self._journal.record("driver", "sms_routing_restored", device=self._port.name)
        self._port.gaps += 1
        return True

    def _wants_acknowledgement(self) -> bool:
        """Return whether the modem waits for +CNMA after direct delivery (3GPP TS 27.005 clause 3.2.1)."""
        try:
            return self._port.command("AT+CSMS?").value("+CSMS:").split(",")[0].strip() == "1"
        except (CommandFailed, ModemError):
            return False

    def _acknowledge(self) -> None:
        try:
            self._port.command("AT+CNMA")
        except CommandFailed as failure:
            if failure.code != _NOTHING_TO_ACKNOWLEDGE:  # too late: the network will deliver it again
                raise

    def _something_to_read(self) -> bool:
        self._port.channel.check()
        return bool(self._announced or self._direct or self._port.restarted)

    def _next(self, text: str | None, sender: str | None) -> ReceivedSms | None:
        key = (text, sender)
        first = self._count - len(self._inbox)
        start = self._cursors.get(key, 0)
        for position, received in enumerate(self._inbox, start=first):
            if position >= start and text in (None, received.text) and sender in (None, received.sender):
                if len(self._cursors) >= _KEPT:
                    self._cursors.clear()
                self._cursors[key] = position + 1
                return received
        return None

    def _saw(self, port_saw: str) -> str:
        seen = []
        if self._inbox:
            last = ", ".join(f"{sms.text!r} from {sms.sender}" for sms in list(self._inbox)[-3:])
            seen.append(f"{self._count} SMS, the last {last}; {port_saw}")
        else:
            seen.append(f"no SMS, {port_saw}")
        if parts := self._joiner.statistics().parts:
            seen.append(f"{parts} part{'s' if parts > 1 else ''} of texts that are not whole")
        if self._unreadable:
            seen.append(f"a message that can't be read: {self._unreadable}")
        with contextlib.suppress(HarnessError):  # a modem that says nothing is told as such already
            seen += [f"store {name} is full ({used} of {total}): clear_sms() makes room"
                     for name, used, total in (self._fillings("2s")[2:] if self._port.in_step else ())
                     if used >= total > 0]
        return "; ".join(seen)

    def _heard(self, line: Line) -> None:
        if match := _ANNOUNCED.fullmatch(line.text):
            self._announced.append((match["store"], int(match["index"])))
            self._port.seen(line)
        elif line.text.startswith(_DIRECT):
            self._direct.append(line)

    def _read(self, store: str, index: int) -> None:
        self._select(store)
        for _ in range(_READINGS):
            try:
                response = self._port.command(f"AT+CMGR={index}")
            except CommandFailed as failure:
                if failure.code == _NO_SUCH_MESSAGE:  # another program read and deleted it
                    return
                raise
            if not response.lines:  # an empty slot, on modems that answer OK
                return
            header, octets = response.lines[0], "".join(response.lines[1:])
            if _is_whole(header, octets):
                break
        if not _HEX.fullmatch(octets):
            raise ModemError(f"{self._port.name}: {header!r} is not followed by a PDU but by {octets[:40]!r}: is the "
                             f"modem in text mode (AT+CMGF)?")
        self._take_pdu(octets)

    def _delete(self, index: int) -> None:
        try:
            self._port.command(f"AT+CMGD={index}")
        except (CommandFailed, TimeoutExpired) as problem:  # it was received all the same
            self._journal.record("driver", "sms_not_deleted", device=self._port.name, index=index, reason=str(problem))

    def _take_pdu(self, octets: str) -> bool:
        """Take a message; return whether it could be read."""
        try:
            if not _HEX.fullmatch(octets):
                raise PduError(f"no PDU: {octets[:40]!r}")
            message = decode_from_network(split_sca(bytes.fromhex(octets))[1])
        except FormatError as problem:
            self._unreadable = str(problem)
            self._journal.record("driver", "sms_unreadable", device=self._port.name, pdu=octets, reason=str(problem))
            return False
        if isinstance(message, StatusReport):
            self._reports.append(message)
            self._journal.record("driver", "sms_report_received", device=self._port.name,
                                 reference=message.message_reference, status=message.status)
        elif isinstance(message, Deliver):
            self._take_deliver(message)
        return True

    def _take_deliver(self, message: Deliver) -> None:
        sender = str(message.originator)
        text = message.text if message.text is not None else message.data.decode("latin-1")
        part = message.concatenation
        whole = self._joiner.feed(sender, part, text, stamp=message.timestamp)
        if whole is None:
            return
        received = ReceivedSms(t=self._clock.now(), sender=sender, text=whole, timestamp=message.timestamp,
                               parts=part.total if part is not None else 1)
        self._inbox.append(received)
        self._count += 1
        self._journal.record("driver", "sms_received", device=self._port.name, sender=sender, text=whole,
                             parts=received.parts)


def _is_whole(header: str, octets: str) -> bool:
    """Return whether a message is as long as its header says: ``+CMGR: stat,[alpha],length``."""
    length = header.rpartition(",")[2].strip()
    try:
        return not length.isdigit() or len(split_sca(bytes.fromhex(octets))[1]) == int(length)
    except ValueError:
        return False


def _number(value: str) -> int:
    first = value.split(",")[0].strip()
    if not first.isdigit():
        raise ModemError(f"+CMGS tells no message reference: {value!r}")
    return int(first)
