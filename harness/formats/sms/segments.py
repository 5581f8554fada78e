"""Long messages: a text cut into parts that fit, and parts joined to the text (3GPP TS 23.040 clause 9.2.3.24.1).

A GSM 7-bit message holds 160 septets, or 153 a part (152 with a 16-bit reference); UCS2 holds 70 units, or 67 (66).
National language elements in the header cost a few more. No cut falls inside an escape or a surrogate pair.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from harness.errors import PduError
from harness.formats.sms import gsm7
from harness.formats.sms.alphabets import Language
from harness.formats.sms.coding import Alphabet, DataCoding
from harness.formats.sms.udh import Concatenation, InformationElement, NationalLanguage, encode_header
from harness.formats.sms.userdata import MAX_USER_DATA

__all__ = ["Part", "Reassembler", "ReassemblerStatistics", "is_short", "split"]


_SURELY_ONE = 80
"""Characters that fit one message in GSM 7-bit, whatever they are: none takes more than two of its 160 septets."""

_SPREAD = 120.0
"""Seconds that the time stamp of a part may be away from the nearest other of its text."""

_GSM7 = DataCoding.general(Alphabet.GSM7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a text: what goes into a TPDU's ``coding``, ``text`` and ``user_data_header``."""

    text: str
    coding: DataCoding
    user_data_header: tuple[InformationElement, ...] = ()


def split(
    text: str,
    *,
    reference: int = 0,
    wide_reference: bool = False,
    alphabet: Alphabet | None = None,
    locking: Language = Language.DEFAULT,
    single: Language = Language.DEFAULT,
) -> list[Part]:
    """Return the parts of ``text``, a single one without a concatenation element if it fits one message.

    >>> [len(part.text) for part in split(161 * "x", reference=7)]
    [153, 8]

    Args:
        reference: number that ties the parts together.
        alphabet: GSM7 or UCS2; by default GSM7 if the text can be written in it.
        locking: national locking shift table to write GSM 7-bit text with.
        single: national single shift table to write GSM 7-bit text with.

    Raises:
        PduError: more than 255 parts, or text that the chosen alphabet cannot write.
    """
    if alphabet is None:
        if locking is single is Language.DEFAULT and is_short(text):
            return [Part(text=text, coding=_GSM7)]
        encodable = gsm7.is_encodable(text, locking=locking, single=single)
        alphabet = Alphabet.GSM7 if encodable else Alphabet.UCS2
    tables: tuple[InformationElement, ...] = ()
    if alphabet is Alphabet.GSM7:
        sizes = [len(septets) for septets in gsm7.encode_each(text, locking=locking, single=single)]
        if locking is not Language.DEFAULT:
            tables += (NationalLanguage(language=locking, locking=True),)
        if single is not Language.DEFAULT:
            tables += (NationalLanguage(language=single),)
    elif alphabet is Alphabet.UCS2:
        sizes = [1 if character <= "\uffff" else 2 for character in text]
    else:
        raise PduError("text is written in GSM 7-bit or UCS2; octets have no text to split")
    coding = DataCoding.general(alphabet)
    if sum(sizes) <= _capacity(alphabet, tables):
        return [Part(text=text, coding=coding, user_data_header=tables)]

    probe = Concatenation(reference=reference, total=1, sequence=1, wide=wide_reference)
    chunks = _cut(text, sizes, _capacity(alphabet, (probe, *tables)))
    if len(chunks) > 255:
        raise PduError(f"the text takes {len(chunks)} parts, at most 255 are possible (3GPP TS 23.040 9.2.3.24.1)")
    return [
        Part(
            text=chunk,
            coding=coding,
            user_data_header=(
                Concatenation(reference=reference, total=len(chunks), sequence=number, wide=wide_reference),
                *tables,
            ),
        )
        for number, chunk in enumerate(chunks, start=1)
    ]


def is_short(text: str) -> bool:
    """Tell at once whether ``text`` is one message in GSM 7-bit; of a longer one only :func:`split` knows."""
    return len(text) <= _SURELY_ONE and gsm7.is_encodable(text)


def _capacity(alphabet: Alphabet, header: Sequence[InformationElement]) -> int:
    octets = len(encode_header(header)) if header else 0
    if alphabet is Alphabet.UCS2:
        return (MAX_USER_DATA - octets) // 2
    return gsm7.septets_in(MAX_USER_DATA - octets, gsm7.fill_bits_after(octets))


def _cut(text: str, sizes: Sequence[int], capacity: int) -> list[str]:
    chunks, start, used = [], 0, 0
    for at, size in enumerate(sizes):
        if used + size > capacity:
            chunks.append(text[start:at])
            start, used = at, 0
        used += size
    chunks.append(text[start:])
    return chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class ReassemblerStatistics:
    """What a reassembler holds and what it threw away.

    Attributes:
        pending: messages of which parts are missing.
        parts: parts held for them.
        duplicates: parts that came again and were ignored.
        dropped: incomplete messages given up, because newer ones needed the room or took their reference.
    """

    pending: int
    parts: int
    duplicates: int
    dropped: int


@dataclass(slots=True)
class _Pending:
    key: Hashable
    parts: dict[int, tuple[str, Hashable]] = field(default_factory=dict)

    def distance(self, stamp: Hashable) -> float:
        """Return how many seconds a stamp lies from the nearest part; stamps that are no times are equal or far."""
        return min((_distance(stamp, other) for _, other in self.parts.values()), default=0.0)


def _distance(one: Hashable, other: Hashable) -> float:
    if isinstance(one, datetime) and isinstance(other, datetime) and (one.tzinfo is None) == (other.tzinfo is None):
        return abs((one - other).total_seconds())
    return 0.0 if one == other else inf


class Reassembler:
    """Joins parts to texts, whatever order they come in.

    Parts belong together by sender, reference, number of parts and width of the reference. A part that is there
    already is ignored. References come round again, so a part that is there with *other* content begins a new message.
    The ``stamp`` of a part (its TP-SCTS, say) is content too: it tells a late duplicate of a finished message from the
    first part of a new one. Of several messages with one reference, a part belongs to that with the nearest stamp, and
    to none whose stamps are all more than two minutes away. Without stamps there is no telling: the part counts as
    new, and what was incomplete is given up.

    >>> join = Reassembler()
    >>> second = Concatenation(reference=9, total=2, sequence=2)
    >>> join.feed("+4477", Concatenation(reference=9, total=2, sequence=1), "hello ")
    >>> join.feed("+4477", second, "world")
    'hello world'
    """

    def __init__(self, *, limit: int = 64) -> None:
        """Hold at most ``limit`` incomplete messages, and remember as many finished ones."""
        if limit < 1:
            raise PduError("a reassembler must be allowed to hold at least one message")
        self._limit = limit
        self._pending: list[_Pending] = []  # oldest first
        self._finished: OrderedDict[Hashable, _Pending] = OrderedDict()
        self._duplicates = 0
        self._dropped = 0

    def __repr__(self) -> str:
        return f"Reassembler({self.statistics()!r})"

    def feed(
        self, sender: Hashable, concatenation: Concatenation | None, text: str, *, stamp: Hashable = None
    ) -> str | None:
        """Take one part; return the whole text once it is complete, else None.

        A text without ``concatenation`` is complete by itself.
        """
        if concatenation is None:
            return text
        key = (sender, concatenation.wide, concatenation.reference, concatenation.total)
        sequence, content = concatenation.sequence, (text, stamp)
        finished = self._finished.get(key)
        if finished is not None and stamp is not None and finished.parts.get(sequence) == content:
            self._duplicates += 1
            return None
        begun = [message for message in self._pending if message.key == key]
        if any(message.parts.get(sequence) == content for message in begun):
            self._duplicates += 1
            return None
        message = self._belongs(begun, sequence, stamp)
        if message is None:
            message = _Pending(key)
            self._pending.append(message)
        message.parts[sequence] = content
        if len(message.parts) < concatenation.total:
            self._drop(self._pending[:-self._limit])
            return None
        self._pending.remove(message)
        self._finished.pop(key, None)
        self._finished[key] = message
        while len(self._finished) > self._limit:
            self._finished.popitem(last=False)
        return _join([message.parts[number][0] for number in range(1, concatenation.total + 1)])

    def _belongs(self, begun: list[_Pending], sequence: int, stamp: Hashable) -> _Pending | None:
        """Return the message that a part belongs to, None if it begins one."""
        if stamp is None:
            if begun and sequence in begun[-1].parts:
                self._drop(begun)
                return None
            return begun[-1] if begun else None
        near = [message for message in reversed(begun)
                if sequence not in message.parts and message.distance(stamp) <= _SPREAD]
        return min(near, key=lambda message: message.distance(stamp), default=None)

    def _drop(self, messages: list[_Pending]) -> None:
        self._dropped += len(messages)
        self._pending = [message for message in self._pending if all(message is not other for other in messages)]

    def statistics(self) -> ReassemblerStatistics:
        """Return what is held and what was thrown away."""
        return ReassemblerStatistics(
            pending=len(self._pending),
            parts=sum(len(message.parts) for message in self._pending),
            duplicates=self._duplicates,
            dropped=self._dropped,
        )


def _join(texts: list[str]) -> str:
    """Return the texts joined; halves of a surrogate pair that meet at a seam become the character they are."""
    return "".join(texts).encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
