"""Cell broadcasts of one modem: which are taken, where they go, and how they are shown (3GPP TS 27.005 clause 3.4.1).

Theory of operation. A cell says a page again and again; a module takes each (serial number, identifier, page) once, if
+CSCB selects it. What becomes of it is the third value of +CNMI: 0 stored, 1 stored and told by +CBMI, 2 told by +CBM
as it is, 3 the same for class 3 and stored otherwise. The store ("BM") is a ring: the oldest page makes room.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harness.errors import PduError
from harness.formats.at import parse_numbers
from harness.formats.sms import Alphabet, BroadcastPage, MessageClass
from harness.virtual.modem.charset import to_line
from harness.virtual.modem.messages import MessageStatus, MessageStore, StoredMessage

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_REMEMBERED: Final = 64


class Selection:
    """Which broadcasts +CSCB lets in (clause 3.3.4).

    Args:
        mode: 0: those on the lists; 1: all but those.
        identifiers: message identifiers: ``0,1,5,320-478``.
        codings: data coding schemes: ``0-3,5``; empty for all of them.

    Raises:
        AtSyntaxError: a list is none.

    >>> Selection(0, "50,4370-4380", "").takes(4371, 0), Selection(1, "", "").takes(50, 15)
    (True, True)
    """

    def __init__(self, mode: int, identifiers: str, codings: str) -> None:
        self._listed = mode == 0
        self._identifiers = parse_numbers(identifiers)
        self._codings = parse_numbers(codings)

    def __repr__(self) -> str:
        return f"Selection({'these' if self._listed else 'all but'} {self._identifiers!r}, {self._codings!r})"

    def takes(self, identifier: int, coding: int) -> bool:
        """Tell whether a message of this identifier and data coding scheme is taken."""
        known = any(identifier in numbers for numbers in self._identifiers)
        coded = not self._codings or any(coding in numbers for numbers in self._codings)
        if self._listed:
            return known and coded
        return not ((known or not self._identifiers) and coded and (self._identifiers or self._codings))


@lru_cache(maxsize=64)
def _selection(mode: int, identifiers: str, codings: str) -> Selection:
    return Selection(mode, identifiers, codings)


class BroadcastReceiver:
    """What one modem does with the pages it hears."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._heard: OrderedDict[tuple[int, int, int], None] = OrderedDict()

    def __repr__(self) -> str:
        return f"BroadcastReceiver({len(self._heard)} pages known)"

    def reset(self) -> None:
        """Forget what was heard, as at power-off."""
        self._heard.clear()

    def take(self, octets: bytes) -> None:
        """Take a page that the cell says."""
        modem = self._modem
        try:
            page = BroadcastPage.decode(octets)
        except PduError as error:
            modem.record("broadcast_refused", reason=str(error))
            return
        mode, identifiers, codings = modem.settings["+CSCB"]
        if not _selection(int(mode), str(identifiers), str(codings)).takes(page.message_id, page.coding.octet):
            return
        key = (page.serial.value, page.message_id, page.page)
        if key in self._heard:
            return
        self._heard[key] = None
        if len(self._heard) > _REMEMBERED:
            self._heard.popitem(last=False)
        self._route(page, StoredMessage(status=MessageStatus.REC_UNREAD, sca=b"", tpdu=octets, broadcast=True))

    def _route(self, page: BroadcastPage, message: StoredMessage) -> None:
        modem = self._modem
        routing = modem.settings.number("+CNMI", 2)
        facts = {"serial": page.serial.value, "message_id": page.message_id, "page": page.page, "pages": page.pages}
        if routing == 2 or (routing == 3 and page.coding.message_class is MessageClass.TE):
            modem.record("broadcast_received", **facts)
            modem.sms.notify(modem.sms.describe("+CBM", message))
            return
        store = modem.sms.store("BM")
        if not isinstance(store, MessageStore):
            modem.record("broadcast_discarded", **facts)
            return
        index = store.add_anyway(message)
        modem.record("broadcast_stored", index=index, **facts)
        if routing:
            modem.sms.notify(f'+CBMI: "{store.name}",{index}')
        modem.sms.changed()


def broadcast_fields(message: StoredMessage, charset: str, *, coded: bool) -> str:
    """Return ``<sn>,<mid>[,<dcs>],<page>,<pages>`` CRLF ``<data>`` of text mode, with or without the coding.

    Text in the GSM alphabet is in the character set of the line, all else in hexadecimal (clause 3.1, ``<data>``).
    """
    page = BroadcastPage.decode(message.tpdu)
    if page.text is None:
        shown = page.data.hex().upper()
    elif page.coding.alphabet is Alphabet.UCS2:
        shown = page.text.encode("utf-16-be", "surrogatepass").hex().upper()
    else:
        shown = to_line((page.language and page.language + "\r") + page.text, charset)
    dcs = f",{page.coding.octet}" if coded else ""
    return f"{page.serial.value},{page.message_id}{dcs},{page.page},{page.pages}\r\n{shown}"
