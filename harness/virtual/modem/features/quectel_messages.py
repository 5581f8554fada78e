"""Parts of long messages, sent and read as such: +QCMGS and +QCMGR (Quectel SMS application note).

In text mode +CMGS and +CMGR know nothing of parts. These two say which part of which message it is; what belongs
together is put together by the client.
"""

from __future__ import annotations

from typing import Final

from harness.formats.sms import Concatenation, Deliver, Submit
from harness.virtual.modem.codes import Cms, Family
from harness.virtual.modem.command import NO_PARAMETERS, OK, Call, Command, Needs, Result, cms, info
from harness.virtual.modem.features.sms import ask, in_text_mode, mark_read, slot, submission
from harness.virtual.modem.features.sms_compose import line_address, text_submit
from harness.virtual.modem.message_text import pdu_line, read_line, read_message

_MANUAL: Final = "Quectel SMS application note"


def _send_part(call: Call) -> Result:
    """``+QCMGS="number"[,type[,message,part,parts]]``: like +CMGS where the last three are left out."""
    call.at_most(5)
    if not in_text_mode(call):
        return cms(Cms.NOT_SUPPORTED)
    destination = line_address(call, 0, 1)
    part: Concatenation | None = None
    if call.given(2):
        parts = call.number(4, low=1, high=255)
        part = Concatenation(reference=call.number(2, high=255), total=parts,
                             sequence=call.number(3, low=1, high=parts))
    elif call.given(3) or call.given(4):
        raise call.bad()
    return ask(call, lambda typed: submission(call, text_submit(call, destination, typed, part)))


def _read_part(call: Call) -> Result:
    """``+QCMGR=index``: like +CMGR with message, part and parts at the end of the header."""
    call.at_most(1)
    store, index, message = slot(call, call.modem.sms.selected(0))
    if message is None:
        return OK if call.modem.profile.flag("empty_slot_ok") else cms(Cms.INVALID_INDEX)
    settings = call.modem.settings
    if in_text_mode(call):
        line = read_line(message, charset=settings.text("+CSCS"), details=bool(settings.number("+CSDH")))
        content = None if message.broadcast else read_message(message)
        part = content.concatenation if isinstance(content, Deliver | Submit) else None
        if part is not None:
            head, rule, body = line.partition("\r\n")
            line = f"{head},{part.reference},{part.sequence},{part.total}{rule}{body}"
    else:
        line = f"{int(message.status)},,{pdu_line(message)}"
    mark_read(call, store, index, message)
    return info(f"+QCMGR: {line}")


COMMANDS = (
    Command(name="+QCMGS", clause=_MANUAL, test=NO_PARAMETERS, set=_send_part, family=Family.CMS,
            needs=Needs.UNLOCKED | Needs.RADIO | Needs.REGISTERED),
    Command(name="+QCMGR", clause=_MANUAL, test=NO_PARAMETERS, set=_read_part, family=Family.CMS,
            needs=Needs.UNLOCKED),
)
