"""What a modem says, as values: lines, responses, and the command that waits for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from harness.clock import NANOSECONDS
from harness.errors import ModemError


class LineKind(Enum):
    """What a line was filed as."""

    ECHO = "echo"
    RESPONSE = "response"
    FINAL = "final"
    UNSOLICITED = "unsolicited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line that the modem sent.

    Attributes:
        seq: position in the line journal.
        t: when it arrived, in nanoseconds of the clock.
        body: the lines that belong to an unsolicited code, such as the text after ``+CMT:``.
        data: the octets that belong to it, such as a datagram that is pushed.
    """

    seq: int
    t: int
    kind: LineKind
    text: str
    body: tuple[str, ...] = ()
    data: bytes = b""

    def __str__(self) -> str:
        return f"{self.t / NANOSECONDS:12.6f} {self.kind.value:11} {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a successful command was answered with.

    Attributes:
        command: the command line.
        lines: information lines, without echo, unsolicited codes and final result.
        result: the final result.
        blocks: binary blocks, where the command reads data.
    """

    command: str
    lines: tuple[str, ...]
    result: str
    blocks: tuple[bytes, ...] = ()

    @property
    def text(self) -> str:
        """The first information line.

        Raises:
            ModemError: there is none.
        """
        if not self.lines:
            raise ModemError(f"{self.command!r} was answered without an information line")
        return self.lines[0]

    def value(self, prefix: str) -> str:
        """Return what follows ``prefix`` in the first line that begins with it, without blanks around it.

        Raises:
            ModemError: no line begins so.
        """
        for line in self.lines:
            if line.startswith(prefix):
                return line[len(prefix):].strip()
        raise ModemError(f"{self.command!r} was answered without {prefix!r}: {list(self.lines)}")


@dataclass(slots=True, eq=False)
class Command:
    """A command under way.

    Attributes:
        sends_data: whether data is sent at its prompt.
        interrupted: what the modem said if it started anew meanwhile.
    """

    text: str
    sends_data: bool = False
    lines: list[str] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)
    prompted: bool = False
    result: str | None = None
    success: bool = False
    code: int | None = None
    interrupted: str = ""
