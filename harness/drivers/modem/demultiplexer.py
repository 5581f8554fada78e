"""Tells apart what a modem says: echoes, responses, final results, and what comes unsolicited between them. Pure.

Theory of operation. A modem frames what it says (ITU-T V.250 clause 5.7.1): a line of its own begins with an empty one.
So an unsolicited code that comes *without* one has cut a line in two, and the rest of that line comes right behind it,
again without one: the two are joined. The same tells the body of a message (behind its header, nothing between) from a
code that was put between header and body, and an echo that lost an octet from a response.

What nobody can tell: a number that was cut in an error result (``+CME ERROR: 1``, ``00``), octets of a datagram with a
code among them, and a code that looks like a response before the first line of the response of that very command.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.drivers.modem.dialect import Dialect, Urc, command_names
from harness.drivers.modem.lines import Command, LineKind
from harness.errors import FormatError
from harness.formats.at import (
    NEED_DATA,
    Final,
    InfoLine,
    Payload,
    Prompt,
    ResponseEvent,
    ResponseReader,
    ResultKind,
    classify,
)
from harness.formats.sms import split_sca

_TEXT_HEAD = re.compile(r'\+CMT: *"[^"]*",(?:"[^"]*")?,"[^"]*"(?:,.*)?|\+CBM:(?: *\d+,?){5}')
_PDU_HEAD = re.compile(r"\+(?:CMT|CDS|CBM): *(?:[^,]*,)? *(\d+)")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_CALLS = ("ATD", "ATO", "ATA", "AT+CGDATA")
_ALIKE = 0.6  # of an echo that lost an octet to the command line


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A line, with what belongs to it, and what it is."""

    kind: LineKind
    text: str
    t: int
    body: tuple[str, ...] = ()
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line was longer than any line may be; it is gone."""

    limit: int


@dataclass(slots=True)
class _Head:
    """An unsolicited code of which lines or octets are still to come; ``octets`` are those of its TPDU, if it says."""

    text: str
    t: int
    lines: int
    body: list[str] = field(default_factory=list)
    octets: int | None = None
    cut: bool = False  # in its first line

    def is_complete(self) -> bool:
        """Return whether nothing more belongs to it."""
        if self.octets is None:
            return len(self.body) >= self.lines
        digits = "".join(self.body)
        try:
            return not len(digits) % 2 and len(split_sca(bytes.fromhex(digits))[1]) >= self.octets
        except FormatError:
            return False


class Demultiplexer:
    """The ear of the driver.

    Attributes:
        command: the command under way; it takes what belongs to it, and is None again behind its final result.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.command: Command | None = None
        self.use(dialect)

    def __repr__(self) -> str:
        return f"Demultiplexer({self._dialect.name!r}, {self._reader!r})"

    def use(self, dialect: Dialect) -> None:
        """Take what arrives as this family of modems means it from now on."""
        self._dialect = dialect
        self._reader = ResponseReader(finals=dialect.finals, payload_headers=dialect.payload_headers)
        self.reset()

    def reset(self) -> None:
        """Forget everything that is unfinished."""
        self._reader.reset()
        self._head: _Head | None = None
        self._last: tuple[str, bool] | None = None  # the last line, and whether it is of the response
        self._cut: tuple[str, bool] | None = None

    @property
    def partial(self) -> str:
        """What has arrived and is not whole yet."""
        head = [self._head.text, *self._head.body] if self._head is not None else []
        return "\n".join([*head, self._reader.partial.decode("latin-1")]).strip()

    def expect_prompt(self, expected: bool) -> None:
        """Recognise a prompt, or don't."""
        self._reader.expect_prompt(expected)

    def receive(self, data: bytes, now: int) -> Iterator[Filed | TooLong]:
        """Take octets that arrived at ``now``; give what is complete with them."""
        self._reader.receive(data)
        while (event := self._reader.next_event()) is not NEED_DATA:
            yield from self._take(event, now)

    def _take(self, event: ResponseEvent, now: int) -> Iterator[Filed | TooLong]:
        command = self.command
        if isinstance(event, InfoLine):
            if (text := event.text.strip("\x00")).strip():
                yield from self._line(text, event.apart, now)
        elif isinstance(event, Final):
            yield from self._final(event, now)
        elif isinstance(event, Prompt):
            if command is not None:
                command.prompted = True
        elif isinstance(event, Payload):
            if self._head is not None:
                head, self._head = self._head, None
                yield self._unsolicited(head.text, head.t, data=event.data)
            elif command is not None:
                command.blocks.append(event.data)
        else:
            yield TooLong(event.limit)

    # -- results ------------------------------------------------------------------------------------------------------

    def _final(self, event: Final, now: int) -> Iterator[Filed]:
        if self._head is not None:
            if not event.apart and self._head.octets is None:  # a text may read like a result
                yield from self._body(self._head, event.text)
                return
            yield self._give_up(self._head)
        command = self.command
        if command is not None and _ends(event, command, self._dialect):
            command.result, command.success, command.code = event.text, event.ok, event.code
            self.command = self._last = self._cut = None
            yield Filed(kind=LineKind.FINAL, text=event.text, t=now)
        else:
            self._may_cut(event.apart)
            yield self._unsolicited(event.text, now)

    def _may_cut(self, apart: bool) -> None:
        """Note that something unsolicited came; without an empty line before it, it has cut the last line in two."""
        if not apart and self._last is not None:
            self._cut, self._last = self._last, None

    # -- lines --------------------------------------------------------------------------------------------------------

    def _line(self, text: str, apart: bool, now: int) -> Iterator[Filed]:
        urc = self._urc(text)
        if self._head is not None:
            head = self._head
            taken = self._of_head(head, text, apart, is_urc=urc is not None)
            if taken:
                if head.is_complete():
                    yield self._give_up(head)
                return
            if urc is None:
                yield self._give_up(head)
        if urc is not None:
            self._may_cut(apart)
        elif self._cut is not None:
            (before, of_response), self._cut = self._cut, None
            if not apart and not self._begins_anew(text):
                yield from self._join(before + text, before, of_response, now)
                return
        yield from self._file(text, apart, now)

    def _file(self, text: str, apart: bool, now: int) -> Iterator[Filed]:
        """File a whole line."""
        command, urc = self.command, self._urc(text)
        if command is not None and urc is None and not command.lines and _is_echo(text, command.text, apart):
            self._last = (text, True)
            yield Filed(kind=LineKind.ECHO, text=text, t=now)
        elif command is not None and urc is None:
            command.lines.append(text)
            self._last = (text, True)
            yield Filed(kind=LineKind.RESPONSE, text=text, t=now)
        elif (urc is not None and urc.has_more(text)) or self._dialect.has_payload(text):
            if self._head is not None:  # what belongs to it never came
                yield self._give_up(self._head)
            octets = _PDU_HEAD.fullmatch(text)
            self._head = _Head(text, now, urc.more_lines if urc else 0, octets=int(octets[1]) if octets else None)
        else:
            if self._cut is None:
                self._last = (text, False)
            yield self._unsolicited(text, now)

    def _join(self, whole: str, before: str, of_response: bool, now: int) -> Iterator[Filed]:
        """File a line that came in two pieces; the first was filed for a line already."""
        command = self.command
        if of_response and command is not None and command.lines and command.lines[-1] == before:
            del command.lines[-1]
        final = classify(whole, self._dialect.finals)
        if final is not None:
            yield from self._final(final, now)
        else:
            yield from self._file(whole, True, now)

    def _begins_anew(self, text: str) -> bool:
        """Return whether a line is a response of the command under way from its beginning on."""
        command = self.command
        return command is not None and any(text.startswith(f"{name}:") for name in command_names(command.text) if name)

    # -- codes of several lines ---------------------------------------------------------------------------------------

    def _of_head(self, head: _Head, text: str, apart: bool, *, is_urc: bool) -> bool:
        """Take a line that belongs to an unsolicited code; return whether it does."""
        if head.cut and not apart and not is_urc:  # the rest of its first line
            head.cut = False
            head.text += text
            octets = _PDU_HEAD.fullmatch(head.text)
            head.octets = int(octets[1]) if octets else None
            return True
        if head.octets is not None:
            if _HEX.fullmatch(text):
                head.body.append(text)
                return True
        elif not is_urc or (not apart and (head.lines != 1 or _TEXT_HEAD.fullmatch(head.text))):
            head.body.append(text)
            return True
        head.cut |= is_urc and not apart and not head.body
        return False

    def _body(self, head: _Head, text: str) -> Iterator[Filed]:
        head.body.append(text)
        if head.is_complete():
            yield self._give_up(head)

    def _give_up(self, head: _Head) -> Filed:
        """File an unsolicited code with what came of it."""
        self._head = None
        return self._unsolicited(head.text, head.t, body=tuple(head.body))

    def _unsolicited(self, text: str, t: int, *, body: tuple[str, ...] = (), data: bytes = b"") -> Filed:
        if self.command is not None and text in self._dialect.boot:
            self.command.interrupted = text
        return Filed(kind=LineKind.UNSOLICITED, text=text, t=t, body=body, data=data)

    def _urc(self, text: str) -> Urc | None:
        command = self.command
        return self._dialect.urc(text, command.text if command else "", bool(command and command.lines))


def _is_echo(text: str, command: str, apart: bool) -> bool:
    if text == command:
        return True
    # a response would be apart; an echo that is not quite the command has lost something on its way
    return not apart and text[0] in "ATat" and difflib.SequenceMatcher(
        None, text, command, autojunk=False).ratio() >= _ALIKE


def _ends(final: Final, command: Command, dialect: Dialect) -> bool:
    """Return whether a final result can be that of this command: calls and sockets have theirs."""
    text = command.text.upper()
    if final.kind in (ResultKind.CALL, ResultKind.CONNECT):
        return text.startswith((*_CALLS, *dialect.connects)) or (final.ok and command.sends_data)
    return final.kind is not ResultKind.SEND or command.sends_data or text.startswith(dialect.sends)
