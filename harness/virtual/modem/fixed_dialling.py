"""Fixed dialling: while it is on, only numbers that begin like one of the card's list are called (TS 22.101 A.24).

The switch is a bit of the card's EF_EST, so it moves with the card, and +CRSM sees it. An entry allows every number
that begins with its digits, ``?`` in it stands for any digit, and one with a plus sign is for numbers with a plus sign.
Emergency calls are always allowed, and data is not touched: packet service has a list of its own (EF_ACL).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.errors import CardFileError
from harness.formats.sim import DiallingNumber
from harness.virtual.modem.phone_book import CardBook, emergency_numbers, entries
from harness.virtual.modem.sim_files import EF_EST, EF_EXT2, EF_FDN

if TYPE_CHECKING:
    from harness.virtual.modem.sim_card import SimCard

_FIXED: Final = 0x01
_WILD: Final = "?"


def is_on(card: SimCard) -> bool:
    """Tell whether the card's EF_EST has fixed dialling switched on (TS 31.102 clause 4.2.47)."""
    return bool(card.files.files[EF_EST].records[0][0] & _FIXED)


def switch(card: SimCard, on: bool) -> None:
    """Switch it on or off in EF_EST; whoever does must have given PIN2."""
    file = card.files.files[EF_EST]
    first = file.records[0][0] & ~_FIXED | (_FIXED if on else 0)
    file.records[0] = bytes((first,)) + file.records[0][1:]


def allows(card: SimCard | None, *numbers: str, emergency: bool = False) -> bool:
    """Tell whether all these numbers may be used.

    Args:
        numbers: as people write them, with a plus sign in front if they are international.
        emergency: whether a number for emergencies passes, as it does for calls.
    """
    if card is None or not is_on(card):
        return True
    fixed = [entry for _, entry in entries(CardBook(card, EF_FDN, EF_EXT2)) if entry.digits]
    passing = emergency_numbers(card) if emergency else ()
    return all(number in passing or _listed(number, fixed) for number in numbers)


def _listed(number: str, fixed: list[DiallingNumber]) -> bool:
    try:
        wanted = DiallingNumber.parse(number)
    except CardFileError:
        return False
    return any(entry.is_international == wanted.is_international and _begins(wanted.digits, entry.digits)
               for entry in fixed)


def _begins(digits: str, pattern: str) -> bool:
    return len(digits) >= len(pattern) and all(one in (_WILD, other)
                                               for one, other in zip(pattern, digits, strict=False))
