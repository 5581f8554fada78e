"""The driver's ear, and the modem's voice: responses as bytes, in both directions (ITU-T V.250 clause 5.7).

:class:`ResponseReader` turns what a modem sends into lines, final results, prompts and payloads. It does not know which
command is under way: the driver tells an echo by comparing, and an unsolicited line by its prefix.
:func:`information` and :func:`result` are how a modem writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final as Constant
from typing import Literal, TypeAlias

from harness.errors import UsageError
from harness.formats.at.reader import NEED_DATA, NeedData, Overflow, Payload
from harness.formats.at.results import BASIC_NUMBERS, ResultKind, cme_code, cms_code

__all__ = [
    "FINAL_RESULTS",
    "Final",
    "InfoLine",
    "PayloadHeader",
    "Prompt",
    "ResponseEvent",
    "ResponseReader",
    "classify",
    "information",
    "result",
]

FINAL_RESULTS: Constant[Mapping[str, tuple[bool, ResultKind]]] = MappingProxyType({
    "OK": (True, ResultKind.OK),
    "ERROR": (False, ResultKind.ERROR),
    "COMMAND NOT SUPPORT": (False, ResultKind.ERROR),
    "TOO MANY PARAMETERS": (False, ResultKind.ERROR),
    "ABORTED": (False, ResultKind.ERROR),
    "CONNECT": (True, ResultKind.CONNECT),
    "NO CARRIER": (False, ResultKind.CALL),
    "NO DIALTONE": (False, ResultKind.CALL),
    "NO DIAL TONE": (False, ResultKind.CALL),
    "BUSY": (False, ResultKind.CALL),
    "NO ANSWER": (False, ResultKind.CALL),
    "SEND OK": (True, ResultKind.SEND),
    "SEND FAIL": (False, ResultKind.SEND),
})
"""Final results that are a whole line, whether they mean success, and their kind.

``CONNECT <speed>`` and the two numbered errors are recognised besides. ``RING`` is unsolicited and ``CONNECT OK``
of a socket comes after the ``OK`` of its command, so neither is final.
"""

_CONNECT = re.compile(r"CONNECT \d[^\r\n]*")
_NUMBERED: Mapping[str, tuple[ResultKind, Callable[[str], int | None]]] = {
    "+CME ERROR:": (ResultKind.CME, cme_code),
    "+CMS ERROR:": (ResultKind.CMS, cms_code),
}
_NUMERIC = {str(number): name for name, number in BASIC_NUMBERS.items() if name in FINAL_RESULTS}


@dataclass(frozen=True, slots=True)
class InfoLine:
    """A line that is no final result: information, an unsolicited result, or an echo.

    Attributes:
        apart: whether an empty line came before it, as before whatever a modem begins to say (V.250 clause 5.7.1).
    """

    text: str
    apart: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """A final result.

    Attributes:
        text: the line as it came.
        ok: whether it means success.
        kind: what sort of result it is.
        code: number of a ``+CME ERROR`` or ``+CMS ERROR``, looked up if it came in words; None if unknown or neither.
        apart: whether an empty line came before it.
    """

    text: str
    ok: bool
    kind: ResultKind
    code: int | None = None
    apart: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for text or octets; ``mark`` is ``>`` or ``@``."""

    mark: str


ResponseEvent: TypeAlias = InfoLine | Final | Prompt | Payload | Overflow
"""What the driver gets to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadHeader:
    """Announces raw octets: a pattern whose first group is how many there are.

    Attributes:
        pattern: matched against a whole line (``\\+QIRD: (\\d+)``), or with ``inline`` against the start of a line
            that goes on with the octets (``\\+CARECV: (\\d+),``). An inline pattern must not match a line end.
        inline: whether the octets follow on the same line.
    """

    pattern: re.Pattern[str]
    inline: bool = False


def classify(line: str, finals: Mapping[str, tuple[bool, ResultKind]] = FINAL_RESULTS) -> Final | None:
    """Return the final result that ``line`` is, or None.

    >>> classify("+CME ERROR: SIM not inserted")
    Final(text='+CME ERROR: SIM not inserted', ok=False, kind=<ResultKind.CME: 'cme error'>, code=10)
    """
    known = finals.get(line)
    if known is not None:
        return Final(text=line, ok=known[0], kind=known[1])
    if line.startswith("+CM"):
        numbered = _NUMBERED.get(line[:11])
        if numbered is not None:
            return Final(text=line, ok=False, kind=numbered[0], code=numbered[1](line[11:]))
    elif line.startswith("CONNECT ") and _CONNECT.fullmatch(line):
        return Final(text=line, ok=True, kind=ResultKind.CONNECT)
    return None


class ResponseReader:
    """Turns bytes from a modem into events; sans-IO, like the modem's :class:`~harness.formats.at.reader.LineReader`.

    CR and LF both end a line, and empty lines are dropped. A prompt counts only after :meth:`expect_prompt`: a text may
    begin with ``>`` too.

    >>> reader = ResponseReader()
    >>> reader.receive(b"AT+CSQ\\r\\r\\n+CSQ: 20,99\\r\\n\\r\\nOK\\r\\n")
    >>> [reader.next_event() for _ in range(3)][:2]
    [InfoLine(text='AT+CSQ'), InfoLine(text='+CSQ: 20,99')]
    """

    def __init__(
        self,
        *,
        finals: Mapping[str, tuple[bool, ResultKind]] = FINAL_RESULTS,
        payload_headers: tuple[PayloadHeader, ...] = (),
        max_line: int = 8192,
        max_payload: int = 65536,
    ) -> None:
        """Bound lines to ``max_line`` characters and announced payloads to ``max_payload`` octets."""
        if max_line < 1 or max_payload < 0:
            raise UsageError("a response reader needs room for a line")
        self._finals = finals
        self._headers = payload_headers
        self._inline = tuple(header.pattern for header in payload_headers if header.inline)
        self._max_line = max_line
        self._max_payload = max_payload
        self._pending = bytearray()
        self._scanned = 0
        self._overflowing = False
        self._prompt_expected = False
        self._after_prompt = False
        self._after_return = False
        self._apart = False
        self._payload: int | None = None
        self.numeric = False
        """Whether results come as numbers (V0); a line that is one of those numbers is final then."""

    def __repr__(self) -> str:
        return f"ResponseReader(pending={len(self._pending)}, payload={self._payload})"

    @property
    def partial(self) -> bytes:
        """What has arrived and is no event yet: for the report of a wait that ended in vain."""
        return bytes(self._pending)

    def receive(self, data: bytes) -> None:
        """Take bytes from the port."""
        self._pending += data

    def expect_prompt(self, expected: bool = True) -> None:
        """Recognise ``>`` or ``@`` at the start of a line as a prompt, until there was one or a final result."""
        self._prompt_expected = expected

    def expect_bytes(self, count: int) -> None:
        """Read ``count`` raw octets next; the line feed that belongs to the line before is not one of them."""
        if count < 0:
            raise UsageError(f"a payload cannot have {count} octets")
        self._payload = count

    def reset(self) -> None:
        """Forget everything unread and every expectation."""
        self._pending.clear()
        self._scanned = 0
        self._overflowing = self._prompt_expected = self._after_prompt = self._after_return = self._apart = False
        self._payload = None

    def next_event(self) -> ResponseEvent | Literal[NeedData.NEED_DATA]:
        """Return the next event, or :data:`~harness.formats.at.reader.NEED_DATA`."""
        while True:
            if self._after_return and self._pending:
                # The LF of a CR LF. It is told apart from a payload that begins with LF by coming right after a CR.
                self._after_return = False
                if self._pending[0] == 0x0A:
                    del self._pending[0]
            if self._payload is not None:
                return self._raw(self._payload)
            if self._after_prompt and self._pending:
                self._after_prompt = False
                if self._pending[0] == 0x20:
                    del self._pending[0]
            if self._prompt_expected and not self._overflowing and self._pending.startswith((b">", b"@")):
                mark = chr(self._pending[0])
                del self._pending[0]
                self._scanned = 0
                self._prompt_expected, self._after_prompt = False, True
                return Prompt(mark)
            event = self._line()
            if event is not None:
                return event

    def _raw(self, count: int) -> Payload | Literal[NeedData.NEED_DATA]:
        if len(self._pending) < count:
            return NEED_DATA
        data = bytes(self._pending[:count])
        del self._pending[:count]
        self._payload = None
        return Payload(data)

    def _line(self) -> ResponseEvent | Literal[NeedData.NEED_DATA] | None:
        """Return the event of the line at the start of what is pending, None if that line is empty."""
        end = self._line_end()
        if self._inline and not self._overflowing:
            announced = self._announced_inline(len(self._pending) if end < 0 else end)
            if announced is not None:
                return announced
        if end < 0:
            if len(self._pending) > self._max_line:
                self._pending.clear()
                self._scanned = 0
                self._overflowing = True
            return NEED_DATA
        content = bytes(self._pending[:end])
        self._after_return = self._pending[end] == 0x0D
        del self._pending[: end + 1]
        self._scanned = 0
        if self._overflowing or len(content) > self._max_line:
            self._overflowing = False
            return Overflow(self._max_line)
        if not content:
            self._apart = True
            return None
        apart, self._apart = self._apart, False
        return self._event(content.decode("latin-1"), apart)

    def _line_end(self) -> int:
        """Return where the first CR or LF is, -1 if there is none; what was searched is not searched again."""
        end = self._pending.find(0x0D, self._scanned)
        line_feed = self._pending.find(0x0A, self._scanned, len(self._pending) if end < 0 else end)
        if line_feed >= 0:
            end = line_feed
        if end < 0:
            self._scanned = len(self._pending)
        return end

    def _announced_inline(self, end: int) -> InfoLine | None:
        start = self._pending[: min(end, 256, self._max_line)].decode("latin-1")
        for pattern in self._inline:
            match = pattern.match(start)
            if match is not None and (count := self._count(match)) is not None:
                del self._pending[: match.end()]
                self._scanned = 0
                self._payload = count
                apart, self._apart = self._apart, False
                return InfoLine(match.group(), apart)
        return None

    def _count(self, match: re.Match[str]) -> int | None:
        digits = match.group(1)
        if digits is None or len(digits) > 9 or int(digits) > self._max_payload:
            return None
        return int(digits)

    def _event(self, text: str, apart: bool) -> ResponseEvent:
        final = classify(text, self._finals)
        if final is None and self.numeric and text in _NUMERIC:
            ok, kind = FINAL_RESULTS[_NUMERIC[text]]
            final = Final(text=text, ok=ok, kind=kind)
        if final is not None:
            self._prompt_expected = False
            return replace(final, apart=apart)
        for header in self._headers:
            match = None if header.inline else header.pattern.fullmatch(text)
            if match is not None and (count := self._count(match)):
                self._payload = count
                break
        return InfoLine(text, apart)


def information(text: str, *, verbose: bool = True, s3: int = 13, s4: int = 10) -> bytes:
    """Return an information line as a modem sends it: ``CR LF text CR LF``, or ``text CR LF`` with V0.

    Characters above 255 have no byte; they become a question mark.
    """
    end = bytes((s3, s4))
    body = text.encode("latin-1", "replace") + end
    return end + body if verbose else body


def result(text: str, *, verbose: bool = True, s3: int = 13, s4: int = 10) -> bytes:
    """Return a result code as a modem sends it: ``CR LF OK CR LF``, or ``0 CR`` with V0.

    ``CONNECT`` with a speed counts as ``CONNECT`` with V0; a result that has no number keeps its words.
    """
    if verbose:
        return information(text, s3=s3, s4=s4)
    name = "CONNECT" if _CONNECT.fullmatch(text) else text
    number = BASIC_NUMBERS.get(name)
    return (text if number is None else str(number)).encode("latin-1", "replace") + bytes((s3,))
