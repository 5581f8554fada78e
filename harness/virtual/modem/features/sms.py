"""Sending, listing, reading and deleting messages (3GPP TS 27.005 clauses 3.4.2 to 3.5, and 4 for PDU mode)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.errors import PduError
from harness.formats.sms import Address, DeliverReport, Submit, decode_from_mobile, split_sca
from harness.formats.sms import Command as CommandTpdu
from harness.virtual.modem import fixed_dialling
from harness.virtual.modem.codes import Cms, Family
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Handler,
    Needs,
    Pending,
    Prompt,
    Reply,
    Result,
    TestForm,
    cms,
    info,
)
from harness.virtual.modem.features.sms_compose import (
    checked_submit,
    line_address,
    text_command,
    text_submit,
    typed_pdu,
)
from harness.virtual.modem.message_text import list_line, pdu_line, read_line
from harness.virtual.modem.messages import STATUS_BY_TEXT, MessageStatus, Store, StoredMessage
from harness.virtual.modem.sms_service import MEMORY_EXCEEDED, PROTOCOL_ERROR
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsRejected

_MAX_TPDU = 176  # octets of the longest SMS-SUBMIT
_MAX_TYPED = 2048


def in_text_mode(call: Call) -> bool:
    return call.modem.settings.number("+CMGF") == 1


def ask(call: Call, then: Callable[[bytes], Result]) -> Prompt:
    """Return the prompt for a text or a PDU."""

    def checked(typed: bytes) -> Result:
        try:
            return then(typed)
        except CommandError as error:
            return error.result

    again = call.modem.profile.text("prompt").encode("ascii") if in_text_mode(call) else b""
    wrong = cms(Cms.BAD_TEXT if in_text_mode(call) else Cms.BAD_PDU)
    return Prompt(then=checked, text=call.modem.profile.text("prompt").encode("ascii"), again=again,
                  limit=_MAX_TYPED, too_long=wrong)


# -- sending ----------------------------------------------------------------------------------------------------------


def submission(call: Call, tpdu: bytes, sca: bytes = b"\0", *, sent: Callable[[], None] | None = None) -> Result:
    """Send a TPDU; ``sca`` is what stood before it, a zero octet for the module's own."""
    if _is_barred(call, tpdu, sca):
        return cms(Cms.NOT_ALLOWED)
    name = call.command.name

    def start(finish: Callable[[Result], None]) -> None:
        def done(reference: int, outcome: SmsOutcome) -> None:
            if isinstance(outcome, SmsRejected):
                finish(cms(outcome.cause))
                return
            if sent is not None:
                sent()
            finish(info(f"{name}: {reference}"))

        call.modem.sms.submit(tpdu, done)

    return Pending(start)


def _is_barred(call: Call, tpdu: bytes, sca: bytes) -> bool:
    """Tell whether fixed dialling forbids it: destination and service centre must both be listed (TS 22.101 A.24)."""
    card = call.modem.slot.card
    if card is None or not fixed_dialling.is_on(card):
        return False
    content = decode_from_mobile(tpdu)
    assert isinstance(content, Submit | CommandTpdu)  # it was checked
    centre = split_sca(sca)[0] or call.modem.sms.sca
    return not fixed_dialling.allows(card, str(content.destination), *([str(centre)] if centre is not None else []))


def _send(call: Call) -> Result:
    if in_text_mode(call):
        call.at_most(2)
        destination = line_address(call, 0, 1)
        return ask(call, lambda typed: submission(call, text_submit(call, destination, typed)))
    call.at_most(1)
    length = call.number(0, low=1, high=_MAX_TPDU)
    return ask(call, partial(_send_pdu, call, length))


def _send_pdu(call: Call, length: int, typed: bytes) -> Result:
    sca, tpdu = typed_pdu(typed, length)
    return submission(call, checked_submit(tpdu), sca)


def _send_stored(call: Call) -> Result:
    call.at_most(3)
    store, index, message = slot(call, call.modem.sms.selected(1))
    if message is None or message.status in (MessageStatus.REC_UNREAD, MessageStatus.REC_READ):
        return cms(Cms.INVALID_INDEX)
    tpdu = message.tpdu
    if call.given(1):
        try:
            content = Submit.decode(tpdu)
            head = content.destination.encode()
        except PduError:
            return cms(Cms.BAD_PDU)
        tpdu = tpdu[:2] + line_address(call, 1, 2).encode() + tpdu[2 + len(head):]
    elif _has_no_address(tpdu):
        return cms(Cms.BAD_TEXT)
    return submission(call, checked_submit(tpdu), message.sca, sent=lambda: _mark_sent(store, index, message))


def _has_no_address(tpdu: bytes) -> bool:
    """Tell whether this is a draft that was written without a destination."""
    return len(tpdu) > 2 and tpdu[0] & 3 == 1 and not tpdu[2]


def _mark_sent(store: Store, index: int, message: StoredMessage) -> None:
    if store.get(index) is message:
        store.mark(index, MessageStatus.STO_SENT)


def _send_command(call: Call) -> Result:
    """+CMGC: an SMS-COMMAND, as a PDU, or by its fields with the command data at the prompt."""
    if not in_text_mode(call):
        return _send(call)
    call.at_most(6)
    text_command(call, b"")  # what can't be sent is refused before the prompt
    return ask(call, lambda typed: submission(call, text_command(call, typed)))


# -- writing ----------------------------------------------------------------------------------------------------------


def _write(call: Call) -> Result:
    call.at_most(3)
    if in_text_mode(call):
        destination = line_address(call, 0, 1) if call.given(0) else Address(number="")
        status = STATUS_BY_TEXT[call.word(2, STATUS_BY_TEXT, MessageStatus.STO_UNSENT.text)]
        if status in (MessageStatus.REC_UNREAD, MessageStatus.REC_READ):
            return cms(Cms.NOT_SUPPORTED)
        kept, own_sca = status, call.modem.sms.own_sca()
        return ask(call, lambda typed: _keep(call, kept, own_sca, text_submit(call, destination, typed)))
    length = call.number(0, low=1, high=_MAX_TPDU)
    given = MessageStatus(call.number(1, int(MessageStatus.STO_UNSENT), high=3))
    return ask(call, lambda typed: _keep(call, given, *typed_pdu(typed, length)))


def _keep(call: Call, status: MessageStatus, sca: bytes, tpdu: bytes) -> Result:
    if status in (MessageStatus.STO_UNSENT, MessageStatus.STO_SENT):
        checked_submit(tpdu)
    store = call.modem.sms.selected(1)
    if store is None:
        return cms(Cms.SIM_NOT_INSERTED)
    index = store.add(StoredMessage(status=status, sca=sca if sca != b"\0" else call.modem.sms.own_sca(), tpdu=tpdu))
    if index is None:
        return cms(Cms.MEMORY_FULL)
    call.modem.sms.changed()
    return info(f"+CMGW: {index}")


# -- reading ----------------------------------------------------------------------------------------------------------


def slot(call: Call, store: Store | None) -> tuple[Store, int, StoredMessage | None]:
    if store is None:
        raise CommandError(cms(Cms.SIM_NOT_INSERTED))
    index = call.number(0)
    if not store.valid(index):
        raise CommandError(cms(Cms.INVALID_INDEX))
    return store, index, store.get(index)


def _shown(call: Call, message: StoredMessage, *, as_list: bool) -> str:
    settings = call.modem.settings
    if not in_text_mode(call):
        return f"{int(message.status)},,{pdu_line(message)}"
    render = list_line if as_list else read_line
    return render(message, charset=settings.text("+CSCS"), details=bool(settings.number("+CSDH")))


def mark_read(call: Call, store: Store, index: int, message: StoredMessage) -> None:
    if message.status is MessageStatus.REC_UNREAD:
        store.mark(index, MessageStatus.REC_READ)
        call.modem.sms.changed()


def _read(call: Call) -> Result:
    call.at_most(2)
    store, index, message = slot(call, call.modem.sms.selected(0))
    keep = call.number(1, 0, high=1)
    if message is None:
        return OK if call.modem.profile.flag("empty_slot_ok") else cms(Cms.INVALID_INDEX)
    line = _shown(call, message, as_list=False)
    if not keep:
        mark_read(call, store, index, message)
    return info(f"+CMGR: {line}")


def _list(call: Call) -> Result:
    call.at_most(2)
    wanted: MessageStatus | None
    if in_text_mode(call):
        word = call.word(0, {*STATUS_BY_TEXT, "ALL"}, MessageStatus.REC_UNREAD.text)
        wanted = None if word == "ALL" else STATUS_BY_TEXT[word]
    else:
        number = call.number(0, int(MessageStatus.REC_UNREAD), high=4)
        wanted = None if number == 4 else MessageStatus(number)
    keep = call.number(1, 0, high=1)
    store = call.modem.sms.selected(0)
    if store is None:
        return cms(Cms.SIM_NOT_INSERTED)
    lines = []
    for index, message in tuple(store):
        if wanted is None or message.status is wanted:
            lines.append(f"+CMGL: {index},{_shown(call, message, as_list=True)}")
            if not keep:
                mark_read(call, store, index, message)
    return Reply(tuple(lines))


def _test_list(call: Call) -> Result:
    if in_text_mode(call):
        words = ",".join(f'"{status.text}"' for status in MessageStatus)
        return info(f'+CMGL: ({words},"ALL")')
    return info("+CMGL: (0-4)")


# -- deleting ---------------------------------------------------------------------------------------------------------

_READ, _SENT, _UNSENT = MessageStatus.REC_READ, MessageStatus.STO_SENT, MessageStatus.STO_UNSENT
_DELETED_BY_FLAG = {1: (_READ,), 2: (_READ, _SENT), 3: (_READ, _SENT, _UNSENT), 4: tuple(MessageStatus)}


def _delete(call: Call) -> Result:
    call.at_most(2)
    flag = call.number(1, 0, high=4)
    store = call.modem.sms.selected(0)
    if not flag:
        store, index, _ = slot(call, store)
        call.modem.sms.delete(store, index)
        return OK
    if store is None:
        return cms(Cms.SIM_NOT_INSERTED)
    for index, message in tuple(store):
        if message.status in _DELETED_BY_FLAG[flag]:
            call.modem.sms.delete(store, index)
    return OK


def _test_delete(call: Call) -> Result:
    store = call.modem.sms.selected(0)
    indexes = ",".join(map(str, store.indexes)) if store is not None else ""
    return info(f"+CMGD: ({indexes}),(0-4)")


# -- acknowledging ----------------------------------------------------------------------------------------------------


_NO_ROOM = (0xD0, 0xD3)  # TP-FCS of which the network shall think that it may try again when there is room


def _confirm(call: Call, outcome: SmsOutcome) -> Result:
    return OK if call.modem.sms.acknowledge(outcome) else cms(Cms.NO_CNMA_EXPECTED)


def _acknowledge(call: Call) -> Result:
    call.at_most(1 if in_text_mode(call) else 2)
    refused = call.number(0, 0, high=2) == 2
    length = call.number(1, 0, high=_MAX_TPDU)
    if length and not call.modem.sms.acknowledgement_due:
        return cms(Cms.NO_CNMA_EXPECTED)
    if length:
        return ask(call, partial(_acknowledge_with_pdu, call, refused, length))
    return _confirm(call, SmsRejected(cause=PROTOCOL_ERROR) if refused else SmsAccepted())


def _acknowledge_with_pdu(call: Call, refused: bool, length: int, typed: bytes) -> Result:
    """Take an SMS-DELIVER-REPORT; it may come with or without an empty service centre address."""
    try:
        pdu = bytes.fromhex(typed.decode("ascii"))
        if len(pdu) == length + 1 and not pdu[0]:
            pdu = pdu[1:]
        report = DeliverReport.decode(pdu, error=refused)
    except (ValueError, PduError):
        return cms(Cms.BAD_PDU)
    if len(pdu) != length or pdu[0] & 3 or report.defects:
        return cms(Cms.BAD_PDU)
    if not refused:
        return _confirm(call, SmsAccepted())
    cause = MEMORY_EXCEEDED if report.failure_cause in _NO_ROOM else PROTOCOL_ERROR
    return _confirm(call, SmsRejected(cause=cause))


def _command(name: str, clause: str, *, set: Handler, exec: Handler | None = None, test: TestForm = NO_PARAMETERS,
             needs: Needs = Needs.UNLOCKED) -> Command:
    return Command(name=name, clause=clause, test=test, set=set, exec=exec, needs=needs, family=Family.CMS)


COMMANDS = (
    _command("+CMGS", "27.005 3.5.1", set=_send, needs=Needs.UNLOCKED | Needs.RADIO | Needs.REGISTERED),
    _command("+CMSS", "27.005 3.5.2", set=_send_stored, needs=Needs.UNLOCKED | Needs.RADIO | Needs.REGISTERED),
    _command("+CMGC", "27.005 3.5.5", set=_send_command, needs=Needs.UNLOCKED | Needs.RADIO | Needs.REGISTERED),
    _command("+CMGW", "27.005 3.5.3", set=_write, exec=_write),
    _command("+CMGR", "27.005 3.4.3", set=_read),
    _command("+CMGL", "27.005 3.4.2", set=_list, exec=_list, test=_test_list),
    _command("+CMGD", "27.005 3.5.4", set=_delete, test=_test_delete),
    _command("+CNMA", "27.005 3.4.4", set=_acknowledge, exec=_acknowledge, test="(0-2)"),
)
