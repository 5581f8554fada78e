"""The channels of one card while it has power: the basic one, and the logical ones that clients open.

Clients reach logical channels by +CCHO, +CGLA and +CCHC (3GPP TS 27.007 clauses 8.45 to 8.47), or by MANAGE CHANNEL and
the number in the class of each command on +CSIM (ETSI TS 102 221 clauses 10.1.1 and 11.1.17).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.modem.sim_apdu import ApduChannel
from harness.virtual.modem.sim_files import Answer
from harness.virtual.modem.sim_tree import MF

if TYPE_CHECKING:
    from harness.virtual.modem.sim_card import SimCard

LOGICAL_CHANNELS: Final = 3
_MANAGE_CHANNEL = 0x70
_OPEN, _CLOSE = 0x00, 0x80
_NUMBER = 0x03  # of the channel, in the class


class CardChannels:
    """All channels of a card, from its power-on on."""

    def __init__(self, card: SimCard) -> None:
        self._card = card
        self._basic = ApduChannel(card)
        self._logical: dict[int, ApduChannel] = {}

    def __repr__(self) -> str:
        return f"CardChannels({len(self._logical)} open)"

    def command(self, apdu: bytes) -> Answer:
        """Carry out a command on the channel that its class names."""
        if len(apdu) >= 4 and apdu[0] & 0xFC == 0 and apdu[1] == _MANAGE_CHANNEL:
            return self._manage(apdu[2], apdu[3])
        number = apdu[0] & _NUMBER if apdu and apdu[0] & 0x70 == 0 else 0
        if not number:
            return self._basic.command(apdu)
        return self.on_channel(number, apdu) or Answer(0x68, 0x81)  # this channel is not supported

    def on_channel(self, number: int, apdu: bytes) -> Answer | None:
        """Carry out a command on a logical channel, whatever its class says; None if that is not open."""
        channel = self._logical.get(number)
        return channel.command(bytes((apdu[0] & ~_NUMBER,)) + apdu[1:]) if channel is not None else None

    def is_open(self, number: int) -> bool:
        """Tell whether this logical channel is open."""
        return number in self._logical

    def open(self, folder: int = MF) -> int | None:
        """Open a channel with a folder selected and return its number; None if all are taken."""
        number = next((one for one in range(1, LOGICAL_CHANNELS + 1) if one not in self._logical), None)
        if number is not None:
            self._logical[number] = ApduChannel(self._card, folder)
        return number

    def close(self, number: int) -> bool:
        """Close a channel; False if it was not open."""
        return self._logical.pop(number, None) is not None

    def _manage(self, p1: int, p2: int) -> Answer:
        if p1 == _OPEN and p2 == 0:
            number = self.open()
            return Answer(0x90, 0x00, bytes((number,))) if number is not None else Answer(0x6A, 0x81)
        if p1 == _CLOSE:
            return Answer(0x90, 0x00) if self.close(p2) else Answer(0x68, 0x81)
        return Answer(0x6A, 0x86)
