"""The SMS centre: texts and octets from the cloud to devices, and what devices send.

Each SIM card has a command number (``000``, or ``2936`` in Programmable Wireless), from which its device gets what the
cloud sends. A text from a device to that number goes to the cloud as a whole: parts of a concatenated one are joined
first, because the cloud's rule for texts above 160 characters is about the whole text (Programmable Wireless error
33111). Parts whose fellows do not come in time are handed over one by one, so nothing that was acknowledged is lost.
8-bit data is handed over as octets. Any other destination is barred unless the network's settings give both ends a
number.

A device can ask for what became of a message from device to device, or withdraw it, by an SMS-COMMAND (3GPP TS 23.040
clause 9.2.3.19).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from harness.clock import NANOSECONDS, to_ns
from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Alphabet,
    Command,
    Concatenation,
    DataCoding,
    Deliver,
    EnhancedValidity,
    StatusReport,
    Submit,
    Validity,
    decode_from_mobile,
)
from harness.formats.sms.segments import is_short
from harness.virtual.network.capture import Capture
from harness.virtual.network.faults import NetworkFaults
from harness.virtual.network.registration import Registrar
from harness.virtual.network.seams import (
    SmsAccepted,
    SmsOutcome,
    SmsProgress,
    SmsRejected,
    SmsWatcher,
    Subscription,
    Subscriptions,
    Terminal,
)
from harness.virtual.network.settings import COMMAND_NUMBER, NetworkSettings
from harness.virtual.network.sms_queue import (
    CONGESTION,
    NOT_SUBSCRIBED,
    NOTHING,
    UNKNOWN_SUBSCRIBER,
    SmsQueues,
    StoredText,
)
from harness.virtual.world import Event, World

_OUT_OF_ORDER = 38
_NOT_IMPLEMENTED = 69
_INVALID_INFORMATION = 96
_WRONG_TYPE = 98

_RECEIVED = 0x00  # TP-ST values of 3GPP TS 23.040 clause 9.2.3.15
_REMOTE_ERROR = 0x40
_NO_RESPONSE = 0x22
_EXPIRED = 0x46
_DELETED = 0x48

_ENQUIRY, _DELETE, _ENABLE_REPORT = 0, 2, 3  # TP-CT (clause 9.2.3.19)

_SENT_KEPT = 1_000  # messages of devices that they can ask about

_INCOMPLETE_KEPT = 64  # texts of which parts are missing, over all devices

_PartKey = tuple[str, int, bool, int]


@dataclass(slots=True)
class _Incomplete:
    parts: dict[int, str | bytes] = field(default_factory=dict)
    timer: Event | None = None


@dataclass(slots=True)
class _Sent:
    """A message of a device, as far as it may ask about it."""

    submit: Submit
    taken: datetime
    report: bool
    status: int = _NO_RESPONSE
    text: StoredText | None = None


@dataclass(slots=True, eq=False)
class _Transit:
    """A text of the cloud on its way to its queue.

    A short one is written when it is first needed: nothing in it can be wrong, and most of what waits for nobody never
    is. ``tpdus`` of the others are here.
    """

    centre: SmsCentre
    round: int
    iccid: str
    text: str | bytes
    taken: datetime
    progress: SmsWatcher
    tpdus: tuple[bytes, ...] = ()

    def arrive(self) -> None:
        self.centre.from_cloud(self)

    def refuse(self) -> None:
        self.progress.attempted()
        self.progress.failed(CONGESTION)

    def write(self) -> bytes:
        return Deliver(originator=Address.parse(self.centre.command_number(self.iccid)), timestamp=self.taken,
                       coding=DataCoding.general(Alphabet.GSM7), text=_shown(self.text)).encode()


class SmsCentre:
    """The SMS centre of one network."""

    def __init__(self, world: World, settings: NetworkSettings, registrar: Registrar,
                 subscription: Callable[[str], Subscription | None], capture: Capture) -> None:
        self._world = world
        self._settings = settings
        self._registrar = registrar
        self._subscription = subscription
        self._queues = SmsQueues(world, settings, reachable=registrar.reachable, subscription=subscription,
                                 capture=capture)
        self._subscriptions: Subscriptions | None = None
        self._faults: NetworkFaults | None = None
        self._numbers = {_digits(number): iccid for number, iccid in settings.numbers}
        self._owners = {iccid: number for number, iccid in settings.numbers}
        self._incomplete: OrderedDict[_PartKey, _Incomplete] = OrderedDict()
        self._sent: OrderedDict[tuple[str, int, str], _Sent] = OrderedDict()
        self._in_transit = 0
        self._paces: dict[str, int] = {}  # instants from which on a SIM card may send its next message
        self._round = 0  # counts how often what the cloud sent was withdrawn
        self._reference = 0

    def __repr__(self) -> str:
        return f"SmsCentre({self._queues!r}, {len(self._incomplete)} incomplete)"

    @property
    def faults(self) -> NetworkFaults | None:
        """What goes wrong with messages, if anything may."""
        return self._faults

    @faults.setter
    def faults(self, faults: NetworkFaults) -> None:
        self._faults = self._queues.faults = faults

    def connect(self, subscriptions: Subscriptions) -> None:
        """Hand what devices send to ``000`` to this cloud."""
        self._subscriptions = subscriptions

    # -- to devices ---------------------------------------------------------------------------------------------------

    def send(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        """Take a text, or 8-bit data, from the cloud; see :meth:`Messaging.send_sms`.

        Raises:
            PduError: the text has no SMS form, or the data has more than 140 octets.
        """
        taken = progress.since or self._world.calendar()
        transit = _Transit(self, self._round, iccid, text, taken, progress)
        if isinstance(text, bytes):
            number = Address.parse(self.command_number(iccid))
            transit.tpdus = (Deliver(originator=number, timestamp=taken, data=text,
                                     coding=DataCoding.general(Alphabet.OCTETS)).encode(),)
        else:
            reference = self._next_reference(iccid, text)
            if not is_short(text):
                parts = Deliver.parts_for_text(text, originator=self.command_number(iccid), timestamp=taken,
                                               reference=reference)
                transit.tpdus = tuple([part.encode() for part in parts])
        self._world.journal.record("network", "sms_taken", device=iccid, text=_shown(text),
                                   parts=len(transit.tpdus) or 1)
        self._after_latency(transit.arrive, transit.refuse)

    def from_cloud(self, transit: _Transit) -> None:
        """Store a text that has arrived, unless it was withdrawn on the way."""
        self._in_transit -= 1
        if transit.round != self._round:
            return
        progress, validity = transit.progress, None
        if progress.since is not None:
            waited = to_ns(max(self._world.calendar() - progress.since, timedelta(0)))
            validity = max(0, to_ns(self._settings.sms_validity) - waited)
        self._queues.add(transit.iccid, "deliver", transit.tpdus or (transit.write,), progress, validity=validity,
                         command=True)

    def withdraw(self) -> None:
        """Forget all texts of the cloud that no device has taken yet."""
        self._round += 1
        self._queues.withdraw_commands()

    def alert(self, iccid: str) -> None:
        """Attempt what waits: the device has service."""
        self._queues.alert(iccid)

    def abandon(self, iccid: str) -> None:
        """Expect no answer any more: the device has lost service."""
        self._queues.abandon(iccid)

    def memory_available(self, terminal: Terminal) -> None:
        """Attempt what waits: the device has room again."""
        iccid = self._registrar.served_iccid(terminal)
        if iccid is not None:
            self._world.journal.record("network", "sms_memory_available", device=iccid)
            self._queues.alert(iccid)

    def waiting(self, iccid: str) -> int:
        """Return how many TPDUs wait for a SIM card's device."""
        return self._queues.waiting(iccid)

    # -- from devices -------------------------------------------------------------------------------------------------

    def submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        """Take a TPDU from a device; the answer comes by ``done``, one latency later."""
        self._after_latency(partial(self._take, terminal, tpdu, done),
                            lambda: done(SmsRejected(cause=CONGESTION)))

    def _take(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        self._in_transit -= 1
        iccid = self._registrar.served_iccid(terminal)
        submit, cause = self._judge(iccid, tpdu)
        if iccid is not None and not cause and not self._in_pace(iccid):
            submit, cause = None, CONGESTION
        if isinstance(submit, Command):
            assert iccid is not None
            done(self._command(iccid, submit))
            return
        if cause or iccid is None or submit is None:
            self._world.journal.record("network", "sms_submit_refused", device=iccid or terminal.iccid, cause=cause)
            done(SmsRejected(cause=cause))
            return
        destination = str(submit.destination)
        self._world.journal.record("network", "sms_submitted", device=iccid, destination=destination,
                                   text=_shown(_join([_content(submit)])), report=submit.status_report_request)
        done(SmsAccepted())
        if _digits(destination) == self.command_number(iccid):
            self._keep(iccid, submit).status = _RECEIVED
            self._to_cloud(iccid, submit)
            if submit.status_report_request:
                self._report(iccid, submit, self._world.calendar(), _RECEIVED)
        else:
            self._to_device(iccid, self._numbers[_digits(destination)], submit)

    def _in_pace(self, iccid: str) -> bool:
        """Tell whether a SIM card may send now, and count it if so."""
        if not self._settings.sms_rate:
            return True
        now = self._world.now()
        if now < self._paces.get(iccid, 0):
            return False
        self._paces[iccid] = now + round(NANOSECONDS / self._settings.sms_rate)
        return True

    def command_number(self, iccid: str) -> str:
        """Return where a SIM card's commands come from."""
        subscription = self._subscription(iccid)
        return subscription.command_number if subscription is not None else COMMAND_NUMBER

    def _judge(self, iccid: str | None, tpdu: bytes) -> tuple[Submit | Command | None, int]:
        """Return the message, and the RP cause for which it is refused, or 0."""
        if iccid is None:
            return None, _OUT_OF_ORDER
        try:
            message = decode_from_mobile(tpdu)
        except PduError:
            return None, _INVALID_INFORMATION
        if isinstance(message, Command):
            return message, 0
        if not isinstance(message, Submit):
            return None, _WRONG_TYPE
        subscription = self._subscription(iccid)
        if subscription is None:
            return message, UNKNOWN_SUBSCRIBER
        if not subscription.sms_allowed:
            return message, NOT_SUBSCRIBED
        destination = str(message.destination)
        known = _digits(destination) == subscription.command_number or (
            _digits(destination) in self._numbers and iccid in self._owners)
        return message, 0 if known else self._settings.barred_cause

    def _to_cloud(self, iccid: str, submit: Submit) -> None:
        concatenation = submit.concatenation
        if concatenation is None or concatenation.total < 2:
            self._hand_over(iccid, _join([_content(submit)]))
            return
        key = (iccid, concatenation.reference, concatenation.wide, concatenation.total)
        held = self._incomplete.get(key)
        if held is not None and held.parts.get(concatenation.sequence, _content(submit)) != _content(submit):
            self._give_up(key)  # the reference came round again: this part belongs to another text
            held = None
        if held is None:
            held = self._hold(key)
        held.parts[concatenation.sequence] = _content(submit)
        if self._is_complete(held, concatenation):
            self._release(key)
            self._hand_over(iccid, _join([held.parts[n] for n in range(1, concatenation.total + 1)]))

    def _hold(self, key: _PartKey) -> _Incomplete:
        if len(self._incomplete) >= _INCOMPLETE_KEPT:
            self._give_up(next(iter(self._incomplete)))
        held = self._incomplete[key] = _Incomplete()
        held.timer = self._world.call_later(self._settings.reassembly_limit, partial(self._give_up, key),
                                            name="network.sms_reassembly")
        return held

    @staticmethod
    def _is_complete(held: _Incomplete, concatenation: Concatenation) -> bool:
        return all(number in held.parts for number in range(1, concatenation.total + 1))

    def _release(self, key: _PartKey) -> _Incomplete:
        held = self._incomplete.pop(key)
        if held.timer is not None:
            held.timer.cancel()
        return held

    def _give_up(self, key: _PartKey) -> None:
        held = self._release(key)
        self._world.journal.record("network", "sms_parts_missing", device=key[0], parts=len(held.parts), total=key[3])
        for _, text in sorted(held.parts.items()):
            self._hand_over(key[0], _join([text]))

    def _hand_over(self, iccid: str, text: str | bytes) -> None:
        if self._subscriptions is not None:
            self._subscriptions.sms_received(iccid, text)

    # -- from device to device ----------------------------------------------------------------------------------------

    def _to_device(self, sender: str, receiver: str, submit: Submit) -> None:
        taken = self._world.calendar()
        message = Deliver(originator=Address.parse(self._owners[sender]), timestamp=taken, pid=submit.pid,
                          coding=submit.coding, text=submit.text, data=submit.data,
                          user_data_header=submit.user_data_header,
                          status_report_indication=submit.status_report_request, reply_path=submit.reply_path)
        kept = self._keep(sender, submit)

        def over(status: int) -> None:
            kept.status, kept.text = status, None
            if kept.report:
                self._report(sender, submit, taken, status)

        progress = SmsProgress(attempted=lambda: None, delivered=lambda: over(_RECEIVED),
                               failed=lambda cause: over(_REMOTE_ERROR if cause else _EXPIRED))
        try:
            tpdu = message.encode()
        except PduError:  # what the tolerant decoder let through has no sound form
            progress.failed(_INVALID_INFORMATION)
            return
        kept.text = self._queues.add(receiver, "deliver", (tpdu,), progress, validity=self._span(submit.validity))

    # -- commands about messages sent before --------------------------------------------------------------------------

    def _keep(self, sender: str, submit: Submit) -> _Sent:
        """Remember a message for commands about it; the oldest beyond a bound is forgotten."""
        key = (sender, submit.message_reference, _digits(str(submit.destination)))
        self._sent.pop(key, None)
        kept = self._sent[key] = _Sent(submit, self._world.calendar(), report=submit.status_report_request)
        if len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        return kept

    def _command(self, sender: str, command: Command) -> SmsOutcome:
        key = (sender, command.message_number, _digits(str(command.destination)))
        kept = self._sent.get(key)
        self._world.journal.record("network", "sms_command", device=sender, command=command.command_type,
                                   message=command.message_number, known=kept is not None)
        if command.command_type > _ENABLE_REPORT:
            return SmsRejected(cause=_NOT_IMPLEMENTED)
        if kept is None:
            return SmsRejected(cause=_INVALID_INFORMATION)
        if command.command_type == _ENQUIRY:
            self._report(sender, kept.submit, kept.taken, kept.status)
        elif command.command_type == _DELETE:
            if kept.text is None or not self._queues.withdraw(kept.text):
                return SmsRejected(cause=_INVALID_INFORMATION)
            kept.text, kept.status = None, _DELETED
            if command.status_report_request:
                self._report(sender, kept.submit, kept.taken, _DELETED)
        else:
            kept.report = command.command_type == _ENABLE_REPORT
        return SmsAccepted()

    def _report(self, sender: str, submit: Submit, taken: datetime, status: int) -> None:
        """Send a status report: it is a message like any other, so it comes a latency after what it tells."""
        if self._faults is not None and self._faults.strike("sms-lost-report", sender) is not None:
            self._report_lost(sender)
            return
        report = StatusReport(message_reference=submit.message_reference, recipient=submit.destination,
                              timestamp=taken, discharge_time=self._world.calendar(), status=status)
        self._after_latency(partial(self._report_arrives, sender, report.encode()),
                            partial(self._report_lost, sender))

    def _report_arrives(self, sender: str, report: bytes) -> None:
        self._in_transit -= 1
        self._queues.add(sender, "status_report", (report,), NOTHING)

    def _report_lost(self, sender: str) -> None:
        self._world.journal.record("network", "sms_report_lost", device=sender)

    def _span(self, validity: Validity | None) -> int | None:
        if isinstance(validity, EnhancedValidity):
            validity = validity.period
        if isinstance(validity, datetime):
            validity = max(validity - self._world.calendar(), timedelta(0))
        return to_ns(validity) if validity is not None else None

    # -- inside -------------------------------------------------------------------------------------------------------

    def _after_latency(self, action: Callable[[], None], congested: Callable[[], None]) -> None:
        """Let a message arrive, which counts itself out of transit then; or tell at once that there are too many."""
        if self._in_transit >= self._settings.in_flight_limit:
            self._world.call_later(0, congested, name="network.sms_congestion")
            return
        self._in_transit += 1
        self._world.call_later(self._settings.sms_latency, action, name="network.sms_arrival")

    def _next_reference(self, iccid: str, text: str) -> int:
        # a text that fits is sent without one: it counts all the same, but no fault strikes it
        if self._faults is not None and len(text) > 70 and self._faults.strike("sms-same-reference", iccid) is not None:
            return self._reference
        self._reference = (self._reference + 1) % 256
        return self._reference


def _content(submit: Submit) -> str | bytes:
    return submit.text if submit.text is not None else submit.data


def _shown(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.hex()


def _join(parts: list[str | bytes]) -> str | bytes:
    """Return the parts as one; halves of a surrogate pair that meet at a seam become the character they are."""
    if any(isinstance(part, bytes) for part in parts):
        return b"".join(part if isinstance(part, bytes) else part.encode() for part in parts)
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts).encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _digits(number: str) -> str:
    return number.removeprefix("+")
