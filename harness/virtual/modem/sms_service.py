"""Short messages of one modem: where they come to rest, whom they are told to, and how they leave (3GPP TS 27.005)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from harness.errors import PduError
from harness.formats.sim import decode_service_centre
from harness.formats.sms import (
    Address,
    Deliver,
    MessageClass,
    StatusReport,
    encode_sca,
)
from harness.virtual.modem.message_text import direct_line, pdu_line, read_message, received_message
from harness.virtual.modem.messages import JoinedStore, MessageStatus, MessageStore, Store, StoredMessage
from harness.virtual.modem.sim_files import EF_SMSP
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsRejected
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MEMORY_EXCEEDED = 22
INVALID_INFORMATION = 96
PROTOCOL_ERROR = 111
TEMPORARY_FAILURE = 41
TYPE_ZERO = 0x40
"""TP-PID of a message that is acknowledged and thrown away (3GPP TS 23.040 clause 9.2.3.9)."""

REPLACING = range(0x41, 0x48)
"""TP-PIDs of messages that take the place of one that was kept from the same originator (the same clause)."""

MAX_BUFFERED = 64
LINK_KEPT = 5_000_000_000
"""How long +CMMS=1 waits for the next message before it goes back to 0."""

Done = Callable[[SmsOutcome], None]


class SmsService:
    """Stores, routing and acknowledgement.

    Attributes:
        sca: the service centre address in force (+CSCA).
    """

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._stores = {name: MessageStore(name, size) for name, size in modem.profile.stores.items()}
        self.sca: Address | None = None
        self._link_kept: Event | None = None
        self._reference = 0
        self._full: set[str] = set()  # names of stores that refused a message
        self._buffer: deque[str] = deque(maxlen=MAX_BUFFERED)
        self._unacknowledged: tuple[Done, Event] | None = None
        self._waiting: deque[tuple[str, StoredMessage, Done]] = deque()

    def __repr__(self) -> str:
        return f"SmsService({list(self._stores.values())!r})"

    # -- stores -------------------------------------------------------------------------------------------------------

    def store(self, name: str) -> Store | None:
        """Return the store of this name, None if there is none: SM is the SIM card's, MT the module's with SM."""
        card = self._modem.slot.card
        if name == "SM":
            return card.messages if card is not None else None
        if name == "MT":
            own = self._stores.get("ME")
            return JoinedStore(name, (own, card.messages)) if own is not None and card is not None else None
        return self._stores.get(name)

    def selected(self, position: int) -> Store | None:
        """Return the store selected by +CPMS: 0 to read and delete, 1 to write and send, 2 to receive."""
        return self.store(self._modem.settings.text("+CPMS", position))

    def delete(self, store: Store, index: int) -> None:
        """Empty a slot; the network learns of it if it was waiting for room."""
        if store.delete(index):
            self._modem.record("sms_deleted", memory=store.name, index=index)
            self.rewritten()

    def rewritten(self) -> None:
        """Stores were written to, maybe past this service: the network learns of room that it was waiting for."""
        # a slot freed in one store may be the room that another, which shows it too, was waiting for
        roomy = [name for name in self._full if (full := self.store(name)) is not None and not full.full]
        self._full.difference_update(roomy)
        if roomy:
            self._modem.carrier.memory_available(self._modem)
        self.changed()

    def changed(self) -> None:
        """What the stores hold is not what it was."""
        for watcher in self._modem.watchers:
            watcher.messages_changed()

    @property
    def refusing(self) -> bool:
        """Whether a message was refused for want of room, and there is none yet."""
        return bool(self._full)

    def own_sca(self) -> bytes:
        """Return the service centre address as octets before a TPDU."""
        return encode_sca(self.sca)

    # -- power --------------------------------------------------------------------------------------------------------

    def sim_started(self) -> None:
        """Take over the service centre address in the card's EF_SMSP."""
        card = self._modem.slot.card
        if card is not None:
            self.sca = decode_service_centre(card.files.files[EF_SMSP].records[0])

    def reset(self) -> None:
        """Forget what is under way, as at power-off: what was not acknowledged goes back to the network."""
        self._buffer.clear()
        waiting, self._waiting = self._waiting, deque()
        if self._unacknowledged is not None:
            done, timer = self._unacknowledged
            self._unacknowledged = None
            timer.cancel()
            self._answer(done, SmsRejected(cause=TEMPORARY_FAILURE))
        for _, _, done in waiting:
            self._answer(done, SmsRejected(cause=TEMPORARY_FAILURE))

    # -- receiving ----------------------------------------------------------------------------------------------------

    def deliver(self, tpdu: bytes, done: Done) -> None:
        """Take a TPDU from the network; ``done`` is called once, in a later turn."""
        try:
            content = received_message(tpdu)
        except PduError as error:
            self._modem.record("sms_refused", cause=INVALID_INFORMATION, reason=str(error))
            self._answer(done, SmsRejected(cause=INVALID_INFORMATION))
            return
        if not self._modem.slot.ready:
            self._answer(done, SmsRejected(cause=TEMPORARY_FAILURE))
            return
        message = StoredMessage(status=MessageStatus.REC_UNREAD, sca=self.own_sca(), tpdu=tpdu)
        if isinstance(content, StatusReport):
            self._report_arrived(message, done)
        elif isinstance(content, Deliver):
            self._message_arrived(message, content, done)
        else:
            self._answer(done, SmsRejected(cause=INVALID_INFORMATION))

    def _message_arrived(self, message: StoredMessage, content: Deliver, done: Done) -> None:
        routing = self._modem.settings.number("+CNMI", 1)
        kind = content.coding.message_class
        facts = {"originator": str(content.originator), "text": content.text or content.data.hex()}
        if content.pid == TYPE_ZERO:
            self._modem.record("sms_discarded", **facts)
            self._answer(done, SmsAccepted())
        elif _told_whole(content, routing):
            self._modem.record("sms_received", **facts)
            self._direct("+CMT", message, done)
        elif kind is MessageClass.IMMEDIATE:  # for a display, and there is none
            self._modem.record("sms_displayed", **facts)
            self._answer(done, SmsAccepted())
        else:
            store, index = self._keep(message, content, on_card=kind is MessageClass.SIM)
            if store is None or index is None:
                self._memory_full(store, done)
                return
            self._modem.record("sms_stored", memory=store.name, index=index, **facts)
            self._answer(done, SmsAccepted())
            if routing:
                self.notify(f'+CMTI: "{store.name}",{index}')
            self.changed()

    def _keep(self, message: StoredMessage, content: Deliver, *, on_card: bool) -> tuple[Store | None, int | None]:
        """Keep a message and return where; one for the card is told as in MT where messages are received into that."""
        selected = self.selected(2)
        if not on_card:
            return selected, _put(selected, message, content)
        store = self.store("SM")
        index = _put(store, message, content)
        if isinstance(store, MessageStore) and isinstance(selected, JoinedStore) and index is not None:
            return selected, selected.index_of(store, index)
        return store, index

    def _report_arrived(self, message: StoredMessage, done: Done) -> None:
        routing = self._modem.settings.number("+CNMI", 3)
        if routing == 1:
            self._modem.record("status_report_received")
            self._direct("+CDS", message, done)
            return
        if routing == 2 and (store := self._stores.get("SR")) is not None:
            index = store.add_anyway(message)  # the oldest report is worth least
            self._modem.record("status_report_stored", memory=store.name, index=index)
            self.notify(f'+CDSI: "{store.name}",{index}')
            self.changed()
        else:
            self._modem.record("status_report_discarded")
        self._answer(done, SmsAccepted())

    def _memory_full(self, store: Store | None, done: Done) -> None:
        if store is not None:
            told = store.name in self._full
            self._full.add(store.name)
            self._modem.record("sms_refused", cause=MEMORY_EXCEEDED, memory=store.name)
            urc = self._modem.profile.text("sms_full_urc")
            if urc and not told and self._modem.settings.allows("+QINDCFG.all", "+QINDCFG.smsfull"):
                self._modem.urc(urc.format(memory=store.name))
            self.changed()
        self._answer(done, SmsRejected(cause=MEMORY_EXCEEDED))

    # -- telling the client -------------------------------------------------------------------------------------------

    def _direct(self, urc: str, message: StoredMessage, done: Done) -> None:
        if self._modem.settings.number("+CNMI") == 1 and self._modem.link_reserved:
            self._modem.record("sms_refused", cause=TEMPORARY_FAILURE, reason="the link to the client is reserved")
            self._answer(done, SmsRejected(cause=TEMPORARY_FAILURE))
        elif not self._modem.settings.number("+CSMS"):
            self.notify(self.describe(urc, message))
            self._answer(done, SmsAccepted())
        elif self._unacknowledged is not None:
            self._waiting.append((urc, message, done))
        else:
            limit = self._modem.timings.stage("acknowledgement", 15_000_000_000)
            timer = self._modem.later(limit, self._not_acknowledged, name="modem-cnma", scaled=False)
            self._unacknowledged = (done, timer)
            self.notify(self.describe(urc, message))

    def describe(self, urc: str, message: StoredMessage) -> str:
        """Return a message as the client is told of it without having asked, in the mode of +CMGF."""
        settings = self._modem.settings
        if settings.number("+CMGF"):
            line = direct_line(message, charset=settings.text("+CSCS"), details=bool(settings.number("+CSDH")))
            return f"{urc}: {line}"
        return f"{urc}: {',' if urc == '+CMT' else ''}{pdu_line(message)}"

    @property
    def acknowledgement_due(self) -> bool:
        """Whether the client still has to acknowledge a message."""
        return self._unacknowledged is not None

    def acknowledge(self, outcome: SmsOutcome) -> bool:
        """Take the client's acknowledgement (+CNMA); return False if none was due."""
        if self._unacknowledged is None:
            return False
        done, timer = self._unacknowledged
        self._unacknowledged = None
        timer.cancel()
        self._modem.record("sms_acknowledged", accepted=isinstance(outcome, SmsAccepted))
        self._answer(done, outcome)
        if self._waiting:
            self._direct(*self._waiting.popleft())
        return True

    def _not_acknowledged(self) -> None:
        """The client kept silent: direct routing ends, and the network has to try again (clause 3.4.4)."""
        if self._unacknowledged is None:
            return
        done, _ = self._unacknowledged
        self._unacknowledged = None
        mode, _, broadcast, _, buffer = self._modem.settings["+CNMI"]
        self._modem.settings["+CNMI"] = (mode, 0, broadcast, 0, buffer)
        self._modem.record("sms_not_acknowledged")
        waiting, self._waiting = self._waiting, deque()
        for unanswered in (done, *(entry[2] for entry in waiting)):
            self._answer(unanswered, SmsRejected(cause=TEMPORARY_FAILURE))

    def notify(self, text: str) -> None:
        """Tell the client of a message as the mode of +CNMI says (clause 3.4.1).

        Mode 0 keeps it until another mode is set. A port in data mode, whose link is reserved, says it later, or in
        mode 1 not at all; the channels of a multiplexer are what mode 3 calls an in-band technique.
        """
        if not self._modem.settings.allows("+QINDCFG.all", "+QINDCFG.smsincoming"):
            return
        mode = self._modem.settings.number("+CNMI")
        if mode == 0:
            self._buffer.append(text)
        else:
            self._modem.urc(text, kept=mode != 1)

    def routing_changed(self) -> None:
        """Flush or clear what was buffered in mode 0, when another mode was set (clause 3.4.1, ``<bfr>``)."""
        if self._modem.settings.number("+CNMI") == 0:
            return
        if self._modem.settings.number("+CNMI", 4) == 0:
            for text in self._buffer:
                self._modem.urc(text)
        self._buffer.clear()

    def _answer(self, done: Done, outcome: SmsOutcome) -> None:
        self._modem.world.call_later(0, partial(done, outcome), name="modem-sms-answer")

    # -- sending ------------------------------------------------------------------------------------------------------

    def submit(self, tpdu: bytes, done: Callable[[int, SmsOutcome], None]) -> None:
        """Send an SMS-SUBMIT or SMS-COMMAND with the module's own reference, which ``done`` gets with the outcome."""
        reference = self._reference
        self._reference = (reference + 1) % 256
        numbered = tpdu[:1] + bytes((reference,)) + tpdu[2:]

        def outcome(result: SmsOutcome) -> None:
            cause = result.cause if isinstance(result, SmsRejected) else 0
            self._modem.record("sms_sent" if not cause else "sms_send_failed", reference=reference, cause=cause)
            self._keep_link()
            done(reference, result)

        self._modem.carrier.sms_submit(self._modem, numbered, outcome)

    def _keep_link(self) -> None:
        """Keep the link for further messages for a while where +CMMS=1 asks for it, and no longer (clause 3.5.6)."""
        if self._link_kept is not None:
            self._link_kept.cancel()
            self._link_kept = None
        if self._modem.settings.number("+CMMS") == 1:
            self._link_kept = self._modem.later(LINK_KEPT, self._release_link, name="modem-cmms", scaled=False)

    def _release_link(self) -> None:
        self._link_kept = None
        if self._modem.settings.number("+CMMS") == 1:
            self._modem.settings["+CMMS"] = (0,)


def _told_whole(content: Deliver, routing: int) -> bool:
    """Tell whether ``<mt>`` has a message handed over instead of stored (3GPP TS 27.005 clause 3.4.1)."""
    kind = content.coding.message_class
    if kind is MessageClass.IMMEDIATE:
        return routing > 0
    if routing == 2:
        to_be_stored = content.coding.indication is not None and not content.coding.discard
        return kind is not MessageClass.SIM and not to_be_stored
    return routing == 3 and kind is MessageClass.TE


def _put(store: Store | None, message: StoredMessage, content: Deliver) -> int | None:
    """Keep a message, in the place of the one that it replaces if there is such a one; return the slot, or None."""
    if store is None:
        return None
    if content.pid in REPLACING:
        for index, kept in store:
            before = read_message(kept)
            if isinstance(before, Deliver) and (before.pid, before.originator) == (content.pid, content.originator):
                store.put(index, message)
                return index
    return store.add(message)
