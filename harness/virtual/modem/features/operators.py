"""Preferred operators on the SIM card, and operators' names (3GPP TS 27.007 clauses 7.19 to 7.21, TS 31.102 4.2.5)."""

from __future__ import annotations

from typing import Final

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Needs,
    Number,
    Reply,
    Result,
    cme,
    info,
    setting,
)
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sim_files import (
    EF_HPLMN_ACT,
    EF_OPLMN_ACT,
    EF_PLMN_ACT,
    PLMN_ACT_OCTETS,
    ElementaryFile,
    decode_plmn,
    encode_plmn,
)

_LISTS: Final = (EF_PLMN_ACT, EF_OPLMN_ACT, EF_HPLMN_ACT)  # by the number of +CPLS
_TECHNOLOGIES: Final = (0x0080, 0x0040, 0x8000, 0x4000)  # GSM, GSM compact, UTRAN, E-UTRAN, as +CPOL orders them
_EMPTY: Final = b"\xff\xff\xff\x00\x00"

NAMES: Final[dict[str, tuple[str, str]]] = {
    "20404": ("Vodafone NL", "Vodafone"), "20801": ("Orange F", "Orange"), "23410": ("O2 - UK", "O2 - UK"),
    "23415": ("Vodafone UK", "Vodafone"), "26201": ("Telekom.de", "TDG"), "26202": ("Vodafone.de", "Vodafone"),
    "302720": ("Rogers Wireless", "Rogers"), "310260": ("T-Mobile", "T-Mobile"), "310410": ("AT&T", "AT&T"),
    "311480": ("Verizon", "Verizon"),
}
"""Long and short names that the module knows by itself."""


def _file(call: Call) -> ElementaryFile:
    card = call.modem.slot.card
    if card is None:
        raise CommandError(cme(Cme.SIM_NOT_INSERTED))
    return card.files.files[_LISTS[call.modem.settings.number("+CPLS")]]


def _entries(file: ElementaryFile) -> list[bytes]:
    body = file.records[0]
    return [body[start:start + PLMN_ACT_OCTETS] for start in range(0, len(body), PLMN_ACT_OCTETS)]


def _name(call: Call, plmn: str, form: int) -> str:
    if form == 2 or plmn not in NAMES:
        return plmn
    return call.modem.encode_text(NAMES[plmn][form])


def _read_list(call: Call) -> Result:
    form = call.modem.settings.number("+CPOL")
    lines = []
    for number, entry in enumerate(_entries(_file(call)), 1):
        if entry[:3] == _EMPTY[:3]:
            continue
        identifier = int.from_bytes(entry[3:], "big")
        selected = ",".join(str(int(bool(identifier & bit))) for bit in _TECHNOLOGIES)
        lines.append(f'+CPOL: {number},{form},"{_name(call, decode_plmn(entry[:3]), form)}",{selected}')
    return Reply(tuple(lines))


def _write_list(call: Call) -> Result:
    call.at_most(7)
    form = call.number(1, call.modem.settings.number("+CPOL"), high=2)
    if not call.given(0) and not call.given(2):  # the format of reading
        if not call.given(1):
            raise call.bad()
        call.modem.settings["+CPOL"] = (form,)
        return OK
    file = _file(call)
    entries = _entries(file)
    index = call.number(0, next((number for number, entry in enumerate(entries, 1) if entry[:3] == _EMPTY[:3]), 0))
    if not 1 <= index <= len(entries):
        return cme(Cme.INVALID_INDEX)
    if not file.writable:
        return cme(Cme.NOT_ALLOWED)
    entries[index - 1] = _entry(call, form) if call.given(2) else _EMPTY
    file.records[0] = b"".join(entries)
    return OK


def _entry(call: Call, form: int) -> bytes:
    text = call.text(2, limit=40)
    if form == 2:
        plmn = text if len(text) <= 6 else _decoded(call, text)
    else:
        plmn = next((plmn for plmn in NAMES if _name(call, plmn, form) == text), "")
    if not (plmn.isascii() and plmn.isdigit() and 5 <= len(plmn) <= 6):
        raise CommandError(cme(Cme.NOT_FOUND))
    identifier = 0
    for position, bit in enumerate(_TECHNOLOGIES, 3):
        if call.number(position, 0, high=1):
            identifier |= bit
    return encode_plmn(plmn) + identifier.to_bytes(2, "big")


def _decoded(call: Call, text: str) -> str:
    """Return digits that were written in the character set of +CSCS; empty if they were not."""
    try:
        return call.modem.decode_text(text)
    except ValueError:
        return ""


def _test_list(call: Call) -> Result:
    return info(f"+CPOL: (1-{len(_entries(_file(call)))}),(0-2)")


def _names(call: Call) -> Result:
    return Reply(tuple(f'+COPN: "{plmn}","{call.modem.encode_text(long)}"' for plmn, (long, _) in NAMES.items()))


DEFAULTS: dict[str, Value] = {"+CPLS": (0,), "+CPOL": (2,)}

COMMANDS = (
    Command(name="+CPOL", clause="27.007 7.19", test=_test_list, read=_read_list, set=_write_list,
            needs=Needs.UNLOCKED),
    setting("+CPLS", Number(0, 2), clause="27.007 7.20", needs=Needs.UNLOCKED),
    Command(name="+COPN", clause="27.007 7.21", test=NO_PARAMETERS, exec=_names),
)
