"""EF_SMS: the card's message store as records, so that +CRSM shows what +CMGR reads from "SM" (TS 31.102 4.2.25)."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Final, overload

from harness.errors import CardFileError
from harness.formats.sim import MESSAGE_OCTETS, decode_message, encode_message
from harness.virtual.modem.messages import MessageStatus, MessageStore, StoredMessage

_OCTETS: Final = {MessageStatus.REC_READ: 1, MessageStatus.REC_UNREAD: 3, MessageStatus.STO_SENT: 5,
                  MessageStatus.STO_UNSENT: 7}
_STATUSES: Final = {octet: status for status, octet in _OCTETS.items()}


class MessageRecords(MutableSequence[bytes]):
    """The records of EF_SMS, made out of the messages of a store when they are read."""

    def __init__(self, store: MessageStore) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"MessageRecords({self._store!r})"

    def __len__(self) -> int:
        return self._store.capacity

    @overload
    def __getitem__(self, number: int) -> bytes: ...
    @overload
    def __getitem__(self, number: slice) -> list[bytes]: ...

    def __getitem__(self, number: int | slice) -> bytes | list[bytes]:
        """Return a record by its number from 0 on."""
        if isinstance(number, slice):
            return [self[one] for one in range(*number.indices(len(self)))]
        message = self._store.get(self._index(number))
        if message is None:
            return encode_message(0, b"", b"")
        room = MESSAGE_OCTETS - 1 - len(message.sca)  # the longest address and TPDU are an octet too long together
        return encode_message(_OCTETS[message.status], message.sca, message.tpdu[:room])

    def __setitem__(self, number: int | slice, record: bytes | Iterable[bytes]) -> None:
        """Keep what a record says in its slot; one that holds no message frees the slot."""
        if isinstance(number, slice) or not isinstance(record, bytes):
            raise TypeError("records are written one by one")
        index = self._index(number)
        try:
            content = decode_message(record)
        except CardFileError:
            content = None
        if content is None or content[0] not in _STATUSES:
            self._store.delete(index)
        else:
            status, sca, tpdu = content
            self._store.put(index, StoredMessage(status=_STATUSES[status], sca=sca, tpdu=tpdu))

    def __delitem__(self, number: int | slice) -> None:
        raise TypeError("a file keeps the number of its records")

    def insert(self, number: int, record: bytes) -> None:
        """Refuse: a file keeps the number of its records."""
        raise TypeError("a file keeps the number of its records")

    def _index(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._store.first + number
