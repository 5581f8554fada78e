"""The SMS centre: texts from ``000`` to devices, and what devices send.

A text from a device to ``000`` goes to the cloud as a whole: parts of a concatenated one are joined first, because the
cloud's rule for texts above 160 characters is about the whole text (Programmable Wireless error 33111). Parts whose
fellows do not come in time are handed over one by one, so nothing that was acknowledged is lost. Octets (8-bit coding)
are handed over as ISO 8859-1. Any other destination is barred unless the network's settings give both ends a number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from harness.clock import to_ns
from harness.errors import PduError
from harness.formats.sms import (
    Address,
    Command,
    Concatenation,
    Deliver,
    EnhancedValidity,
    StatusReport,
    Submit,
    Validity,
    decode_from_mobile,
)
from harness.virtual.network.registration import Registrar
from harness.virtual.network.seams import (
    SmsAccepted,
    SmsOutcome,
    SmsProgress,
    SmsRejected,
    Subscription,
    Subscriptions,
    Terminal,
)
from harness.virtual.network.settings import COMMAND_NUMBER, NetworkSettings
from harness.virtual.network.sms_queue import CONGESTION, NOT_SUBSCRIBED, NOTHING, UNKNOWN_SUBSCRIBER, SmsQueues
from harness.virtual.world import Event, World

_OUT_OF_ORDER = 38
_NOT_IMPLEMENTED = 69
_INVALID_INFORMATION = 96
_WRONG_TYPE = 98

_RECEIVED = 0x00  # TP-ST values of 3GPP TS 23.040 clause 9.2.3.15
_REMOTE_ERROR = 0x40
_EXPIRED = 0x46

_INCOMPLETE_KEPT = 64  # texts of which parts are missing, over all devices

_PartKey = tuple[str, int, bool, int]


@dataclass(slots=True)
class _Incomplete:
    parts: dict[int, str] = field(default_factory=dict)
    timer: Event | None = None


class SmsCentre:
    """The SMS centre of one network."""

    def __init__(self, world: World, settings: NetworkSettings, registrar: Registrar,
                 subscription: Callable[[str], Subscription | None]) -> None:
        self._world = world
        self._settings = settings
        self._registrar = registrar
        self._subscription = subscription
        self._queues = SmsQueues(world, settings, reachable=registrar.reachable, subscription=subscription)
        self._subscriptions: Subscriptions | None = None
        self._numbers = {_digits(number): iccid for number, iccid in settings.numbers}
        self._owners = {iccid: number for number, iccid in settings.numbers}
        self._incomplete: OrderedDict[_PartKey, _Incomplete] = OrderedDict()
        self._in_transit = 0
        self._reference = 0

    def __repr__(self) -> str:
        return f"SmsCentre({self._queues!r}, {len(self._incomplete)} incomplete)"

    def connect(self, subscriptions: Subscriptions) -> None:
        """Hand what devices send to ``000`` to this cloud."""
        self._subscriptions = subscriptions

    # -- to devices ---------------------------------------------------------------------------------------------------

    def send(self, iccid: str, text: str, progress: SmsProgress) -> None:
        """Take a text from ``000``; see :meth:`Messaging.send_sms`.

        Raises:
            PduError: the text has no SMS form.
        """
        parts = Deliver.parts_for_text(text, originator=COMMAND_NUMBER, timestamp=self._world.calendar(),
                                       reference=self._next_reference())
        tpdus = tuple(part.encode() for part in parts)
        self._world.journal.record("network", "sms_taken", device=iccid, text=text, parts=len(tpdus))
        self._after_latency(partial(self._queues.add, iccid, "deliver", tpdus, progress),
                            lambda: _refuse(progress, CONGESTION))

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
        self._after_latency(lambda: self._take(terminal, tpdu, done),
                            lambda: done(SmsRejected(cause=CONGESTION)))

    def _take(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        iccid = self._registrar.served_iccid(terminal)
        submit, cause = self._judge(iccid, tpdu)
        if cause or iccid is None or submit is None:
            self._world.journal.record("network", "sms_submit_refused", device=iccid or terminal.iccid, cause=cause)
            done(SmsRejected(cause=cause))
            return
        destination = str(submit.destination)
        self._world.journal.record("network", "sms_submitted", device=iccid, destination=destination,
                                   text=_join([_text(submit)]), report=submit.status_report_request)
        done(SmsAccepted())
        if destination == COMMAND_NUMBER:
            self._to_cloud(iccid, submit)
            if submit.status_report_request:
                self._report(iccid, submit, self._world.calendar(), _RECEIVED)
        else:
            self._to_device(iccid, self._numbers[_digits(destination)], submit)

    def _judge(self, iccid: str | None, tpdu: bytes) -> tuple[Submit | None, int]:
        """Return the message, and the RP cause for which it is refused, or 0."""
        if iccid is None:
            return None, _OUT_OF_ORDER
        try:
            message = decode_from_mobile(tpdu)
        except PduError:
            return None, _INVALID_INFORMATION
        if isinstance(message, Command):
            return None, _NOT_IMPLEMENTED
        if not isinstance(message, Submit):
            return None, _WRONG_TYPE
        subscription = self._subscription(iccid)
        if subscription is None:
            return message, UNKNOWN_SUBSCRIBER
        if not subscription.sms_allowed:
            return message, NOT_SUBSCRIBED
        destination = str(message.destination)
        known = destination == COMMAND_NUMBER or (_digits(destination) in self._numbers and iccid in self._owners)
        return message, 0 if known else self._settings.barred_cause

    def _to_cloud(self, iccid: str, submit: Submit) -> None:
        concatenation = submit.concatenation
        if concatenation is None or concatenation.total < 2:
            self._hand_over(iccid, _text(submit))
            return
        key = (iccid, concatenation.reference, concatenation.wide, concatenation.total)
        held = self._incomplete.get(key)
        if held is not None and held.parts.get(concatenation.sequence, _text(submit)) != _text(submit):
            self._give_up(key)  # the reference came round again: this part belongs to another text
            held = None
        if held is None:
            held = self._hold(key)
        held.parts[concatenation.sequence] = _text(submit)
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

    def _hand_over(self, iccid: str, text: str) -> None:
        if self._subscriptions is not None:
            self._subscriptions.sms_received(iccid, text)

    # -- from device to device ----------------------------------------------------------------------------------------

    def _to_device(self, sender: str, receiver: str, submit: Submit) -> None:
        taken = self._world.calendar()
        message = Deliver(originator=Address.parse(self._owners[sender]), timestamp=taken, pid=submit.pid,
                          coding=submit.coding, text=submit.text, data=submit.data,
                          user_data_header=submit.user_data_header,
                          status_report_indication=submit.status_report_request, reply_path=submit.reply_path)
        progress = NOTHING
        if submit.status_report_request:
            progress = SmsProgress(
                attempted=lambda: None,
                delivered=lambda: self._report(sender, submit, taken, _RECEIVED),
                failed=lambda cause: self._report(sender, submit, taken, _REMOTE_ERROR if cause else _EXPIRED))
        try:
            tpdu = message.encode()
        except PduError:  # what the tolerant decoder let through has no sound form
            progress.failed(_INVALID_INFORMATION)
            return
        self._queues.add(receiver, "deliver", (tpdu,), progress, validity=self._span(submit.validity))

    def _report(self, sender: str, submit: Submit, taken: datetime, status: int) -> None:
        """Send a status report: it is a message like any other, so it comes a latency after what it tells."""
        report = StatusReport(message_reference=submit.message_reference, recipient=submit.destination,
                              timestamp=taken, discharge_time=self._world.calendar(), status=status)
        self._after_latency(partial(self._queues.add, sender, "status_report", (report.encode(),), NOTHING),
                            partial(self._report_lost, sender))

    def _report_lost(self, sender: str) -> None:
        self._world.journal.record("network", "sms_report_lost", device=sender)

    def _span(self, validity: Validity | None) -> int | None:
        if isinstance(validity, EnhancedValidity):
            validity = validity.period
        if isinstance(validity, datetime):
            validity = max(validity - self._world.calendar(), timedelta(0))
        return to_ns(validity) if validity is not None else None

    # -- inside -------------------------------------------------------------------------------------------------------

    def _after_latency(self, action: Callable[[], object], congested: Callable[[], None]) -> None:
        if self._in_transit >= self._settings.in_flight_limit:
            self._world.call_later(0, congested, name="network.sms_congestion")
            return
        self._in_transit += 1

        def arrive() -> None:
            self._in_transit -= 1
            action()

        self._world.call_later(self._settings.sms_latency, arrive, name="network.sms_arrival")

    def _next_reference(self) -> int:
        self._reference = (self._reference + 1) % 256
        return self._reference


def _refuse(progress: SmsProgress, cause: int) -> None:
    progress.attempted()
    progress.failed(cause)


def _text(submit: Submit) -> str:
    return submit.text if submit.text is not None else submit.data.decode("latin-1")


def _join(texts: list[str]) -> str:
    """Return the texts as one; halves of a surrogate pair that meet at a seam become the character they are."""
    return "".join(texts).encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _digits(number: str) -> str:
    return number.removeprefix("+")
