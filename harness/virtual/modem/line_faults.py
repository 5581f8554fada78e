"""What faults do to the octets that one AT port says: an output tamper made of small effects.

Theory of operation. From a command line to its final result the port is in an *episode*; an unsolicited result is an
episode of its own. The faults that struck are effects on the pieces of the episode, one behind the other: each takes a
piece and gives those that shall go out instead. A line carries one octet after the other, so a piece never overtakes
one that an effect has put off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from harness.clock import RandomStream
from harness.virtual.modem.output import Kind, OutputQueue, Piece
from harness.virtual.world import Event, World

_RESPONSE: Final = frozenset({Kind.INFORMATION, Kind.FINAL, Kind.UNSOLICITED})

PARTS: Final = {"echo": frozenset({Kind.ECHO}), "prompt": frozenset({Kind.PROMPT}), "response": _RESPONSE}
"""What the parts of a dialogue are called."""

SETTLING: Final = 10_000_000
"""Nanoseconds from the last octet that still gets through to what cuts the rest off: the line takes its time."""


class Effect:
    """Does nothing; what is below does something to the pieces of an episode."""

    def take(self, piece: Piece) -> list[Piece]:
        """Return what shall go out instead."""
        return [piece]

    def end(self, t: int) -> list[Piece]:
        """Return what shall still go out when the episode is over."""
        return []


class OfResponse(Effect):
    """An effect on information and results, or on an unsolicited result."""

    def take(self, piece: Piece) -> list[Piece]:
        return self.response(piece) if piece.kind in _RESPONSE else [piece]

    def response(self, piece: Piece) -> list[Piece]:
        """Return what shall go out instead of a piece of the response."""
        return [piece]


class Truncate(OfResponse):
    """Lets a number of octets through and calls ``then`` once when they are, or would be exceeded."""

    def __init__(self, after: int, then: Callable[[], None] | None = None) -> None:
        self._left = after
        self._then = then

    def response(self, piece: Piece) -> list[Piece]:
        passed = piece.data[:self._left]
        self._left -= len(passed)
        if len(passed) < len(piece.data) and self._then is not None:
            then, self._then = self._then, None
            then()
        return [replace(piece, data=passed)] if passed else []

    def end(self, t: int) -> list[Piece]:
        if self._then is not None:  # the response was shorter
            then, self._then = self._then, None
            then()
        return []


class AtPrompt(Effect):
    """Lets everything through up to the prompt, then nothing."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then: Callable[[], None] | None = then
        self._cut = False

    def take(self, piece: Piece) -> list[Piece]:
        if self._cut:
            return []
        if piece.kind is Kind.PROMPT and self._then is not None:
            self._cut = True
            then, self._then = self._then, None
            then()
        return [piece]


class Mute(Effect):
    """Lets nothing but echo through."""

    def take(self, piece: Piece) -> list[Piece]:
        return [piece] if piece.kind is Kind.ECHO else []


class Silence(Effect):
    """Lets nothing through."""

    def take(self, piece: Piece) -> list[Piece]:
        return []


class Replace(OfResponse):
    """Says something else instead of the first piece, and nothing instead of others."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def response(self, piece: Piece) -> list[Piece]:
        data, self._data = self._data, b""
        return [replace(piece, data=data)] if data else []


class Garble(OfResponse):
    """Turns some octets into others; the first piece loses one at least."""

    def __init__(self, share: float, chance: RandomStream) -> None:
        self._share = share
        self._chance = chance
        self._hit = False

    def response(self, piece: Piece) -> list[Piece]:
        data = bytearray(piece.data)
        for position in range(len(data)):
            if self._chance.random() < self._share:
                data[position] ^= self._chance.randrange(1, 256)
                self._hit = True
        if not self._hit and data:
            data[self._chance.randrange(len(data))] ^= self._chance.randrange(1, 256)
            self._hit = True
        return [replace(piece, data=bytes(data))]


class Duplicate(OfResponse):
    """Says the response again when it is over."""

    def __init__(self) -> None:
        self._said: list[Piece] = []

    def response(self, piece: Piece) -> list[Piece]:
        self._said.append(piece)
        return [piece]

    def end(self, t: int) -> list[Piece]:
        again, self._said = self._said, []
        return [replace(piece, t=t) for piece in again]


class Split(OfResponse):
    """Cuts the response into pieces with pauses between them."""

    def __init__(self, size: int, gap: int) -> None:
        self._size = size
        self._gap = gap
        self._next = 0

    def response(self, piece: Piece) -> list[Piece]:
        instant = max(piece.t, self._next)
        pieces = []
        for begin in range(0, len(piece.data), self._size):
            pieces.append(replace(piece, t=instant, data=piece.data[begin:begin + self._size]))
            instant += self._gap
        self._next = instant
        return pieces


class BlankLines(OfResponse):
    """Says empty lines before the response."""

    def __init__(self, count: int) -> None:
        self._count = count

    def response(self, piece: Piece) -> list[Piece]:
        count, self._count = self._count, 0
        return [replace(piece, data=b"\r\n" * count + piece.data)]


class NoEcho(Effect):
    """Keeps the echo back."""

    def take(self, piece: Piece) -> list[Piece]:
        return [] if piece.kind is Kind.ECHO else [piece]


class EchoLoss(Effect):
    """Loses one octet of the first piece of echo."""

    def __init__(self, position: int | None, chance: RandomStream) -> None:
        self._position = position
        self._chance = chance
        self._lost = False

    def take(self, piece: Piece) -> list[Piece]:
        if piece.kind is not Kind.ECHO or self._lost or not piece.data:
            return [piece]
        self._lost = True
        # the carriage return at the end gets through, so that the line is one
        position = self._position if self._position is not None else self._chance.randrange(max(1, len(piece.data) - 1))
        return [replace(piece, data=piece.data[:position] + piece.data[position + 1:])]


class LatePrompt(Effect):
    """Puts the prompt off."""

    def __init__(self, by: int) -> None:
        self._by = by

    def take(self, piece: Piece) -> list[Piece]:
        return [replace(piece, t=piece.t + self._by)] if piece.kind is Kind.PROMPT else [piece]


class OtherPrompt(Effect):
    """Says the prompt without the space behind it, or not at all."""

    def __init__(self, *, missing: bool) -> None:
        self._missing = missing

    def take(self, piece: Piece) -> list[Piece]:
        if piece.kind is not Kind.PROMPT:
            return [piece]
        return [] if self._missing else [replace(piece, data=piece.data.rstrip(b" "))]


class Insert(Effect):
    """Puts something into a part of the dialogue behind a number of octets, or behind it if it is shorter."""

    def __init__(self, data: bytes, offset: int, part: str = "response") -> None:
        self._data = data
        self._left = offset
        self._kinds = PARTS[part]

    def take(self, piece: Piece) -> list[Piece]:
        if not self._data or piece.kind not in self._kinds:
            return [piece]
        if self._left > len(piece.data):
            self._left -= len(piece.data)
            return [piece]
        head, tail = piece.data[:self._left], piece.data[self._left:]
        said, self._data = self._data, b""
        return [replace(piece, data=head + said + tail)]

    def end(self, t: int) -> list[Piece]:
        said, self._data = self._data, b""
        return [Piece(t, Kind.DATA, said)] if said else []


class PutOff(OfResponse):
    """Keeps a piece back and says it later, past everything else."""

    def __init__(self, by: int, later: Callable[[Piece, int], None]) -> None:
        self._by = by
        self._later = later

    def response(self, piece: Piece) -> list[Piece]:
        self._later(piece, self._by)
        return []


@dataclass(slots=True)
class _Held:
    """A final result that waits for an unsolicited one."""

    piece: Piece
    timer: Event


class LineFaults:
    """The tamper of one port.

    Args:
        strike_urc: the effects of the faults that strike an unsolicited result, given what it says.

    Attributes:
        episode: effects on what is said until the final result.
        silent: let nothing through: the module hangs.
    """

    def __init__(self, world: World, output: OutputQueue,
                 strike_urc: Callable[[LineFaults, bytes], list[Effect]]) -> None:
        self.episode: list[Effect] = []
        self.silent = False
        self._world = world
        self._output = output
        self._strike_urc = strike_urc
        self._free = 0  # instant from which on a piece overtakes none
        self._wait_for_urc: int | None = None
        self._held: _Held | None = None
        self._passing = False

    def __repr__(self) -> str:
        return f"LineFaults({len(self.episode)} effects)"

    @property
    def idle(self) -> bool:
        """Whether nothing that was said is under way or kept back."""
        return not (self.episode or self._held is not None or self._wait_for_urc is not None or self.silent
                    or self._free > self._world.now())

    def begin(self) -> None:
        """A command line begins."""
        self.episode = []
        self._wait_for_urc = None
        self._release()

    def reset(self) -> None:
        """Forget everything, as when the power goes."""
        self.episode = []
        self._free = 0
        self._wait_for_urc = None
        self.silent = False
        if self._held is not None:
            self._held.timer.cancel()
            self._held = None

    def hold_final(self, limit: int) -> None:
        """Keep the final result of this episode back until the next unsolicited one, or for ``limit`` nanoseconds."""
        self._wait_for_urc = limit

    def say_later(self, piece: Piece, by: int) -> None:
        """Say a piece later, past everything else."""
        self._world.call_at(piece.t + by, lambda: self._say(piece.kind, piece.data), name="fault-output")

    def say(self, data: bytes) -> None:
        """Say something now, whatever the port is doing."""
        self._say(Kind.DATA, data)

    def tamper(self, piece: Piece) -> Sequence[Piece]:
        """Return what shall go out instead of ``piece``."""
        if self.silent:
            return ()
        if self._passing:
            return self._in_order([piece])
        if piece.kind is Kind.UNSOLICITED:
            effects = self._strike_urc(self, piece.data)
            pieces = self._through(effects, piece, ends=True)
            if self._held is not None:
                held, self._held = self._held, None
                held.timer.cancel()
                pieces.append(replace(held.piece, t=piece.t))
            return self._in_order(pieces)
        ends = piece.kind is Kind.FINAL
        pieces = self._through(self.episode, piece, ends=ends)
        if ends:
            self.episode = []
            if self._wait_for_urc is not None and pieces:
                limit, self._wait_for_urc = self._wait_for_urc, None
                timer = self._world.call_later(f"{limit}ns", self._release, name="fault-output")
                self._held = _Held(Piece(piece.t, Kind.FINAL, b"".join(each.data for each in pieces)), timer)
                return ()
        return self._in_order(pieces)

    def _through(self, effects: Sequence[Effect], piece: Piece, *, ends: bool) -> list[Piece]:
        pieces = [piece]
        for effect in effects:
            pieces = [out for each in pieces for out in effect.take(each)]
            if ends:
                pieces += effect.end(piece.t)
        return pieces

    def _in_order(self, pieces: Sequence[Piece]) -> list[Piece]:
        ordered = []
        for piece in pieces:
            self._free = max(self._free, piece.t)
            ordered.append(piece if piece.t == self._free else replace(piece, t=self._free))
        return ordered

    def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            held.timer.cancel()
            self._say(Kind.FINAL, held.piece.data)

    def _say(self, kind: Kind, data: bytes) -> None:
        self._passing = True
        try:
            self._output.say(kind, data)
        finally:
            self._passing = False
        self._output.flush()
