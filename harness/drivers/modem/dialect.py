"""What differs between modem families, as data: commands, unsolicited codes, timeouts, socket procedures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.clock import Duration, to_ns
from harness.formats.at import FINAL_RESULTS, PayloadHeader, ResultKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Urc:
    """An unsolicited result code.

    Attributes:
        prefix: how its line begins.
        pattern: for prefixes that are also responses: what the unsolicited form looks like, in full. Without one, a
            line in the midst of the command of that name is its response if it has none yet.
        more_lines: lines that follow and belong to it.
        headed: what its line looks like, in full, where more lines follow; any if empty.
    """

    prefix: str
    pattern: str = ""
    more_lines: int = 0
    headed: str = ""

    @property
    def command(self) -> str:
        """The command whose response begins alike: ``+CREG`` of ``+CREG:``."""
        return self.prefix.split(":")[0]

    def has_more(self, line: str) -> bool:
        """Return whether more lines belong to this one."""
        return bool(self.more_lines) and (not self.headed or re.fullmatch(self.headed, line) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """A command of the start-up; ``required`` unless the modem may refuse it (no SIM card, older firmware)."""

    command: str
    required: bool = True


NEVER = "(?!)"
"""A pattern that no line fits: what this family has no word for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpProcedure:
    """How a UDP socket is opened, used and closed.

    Templates know ``{apn}``, ``{socket}``, ``{port}``, ``{ip}``, ``{length}``. Patterns are regular expressions over
    one line with groups among ``context``, ``socket``, ``error``, ``length``, ``left``, ``ip``, ``port``; one without
    ``context`` means the context that is used here.

    Attributes:
        sockets: their numbers.
        max_payload: longest datagram in octets that one command sends.
        active: command and line pattern that tell that the context is active.
        address: command and line pattern that tell its address, where ``active`` does not.
        configure: commands that define the context.
        activate: command that activates it.
        activated: line after its OK that tells that it did.
        context: its number.
        prepare: commands before each ``open``.
        open: command that opens a socket bound to a local port. Without ``{socket}`` the modem chooses the number.
        opened: line, in the response or after it, that tells how that went; error 0 is success. Empty: OK is enough.
        before_send: commands before each ``send``.
        send: command that opens the prompt for a datagram.
        arrived: line that tells of datagrams to read.
        read: command that reads one datagram.
        read_header: line before the payload; length 0 or no such line: nothing left.
        empty_fails: whether ``read`` fails where there is nothing to read.
        close: command that closes the socket.
        closed: line that tells that the network closed it.
        context_lost: line that tells that the network ended the context, and all its sockets.
    """

    sockets: range
    max_payload: int
    active: tuple[str, str]
    configure: tuple[str, ...]
    activate: str
    open: str
    opened: str
    send: str
    arrived: str
    read: str
    read_header: str
    close: str
    closed: str
    context_lost: str
    address: tuple[str, str] | None = None
    activated: str = ""
    context: int = 1
    prepare: tuple[str, ...] = ()
    before_send: tuple[str, ...] = ()
    empty_fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpProcedure:
    """How a connection is opened, used and closed, in the context and with the socket numbers of :class:`UdpProcedure`.

    Templates and patterns are as there, with ``{host}`` and ``{port}`` of the peer.

    Attributes:
        max_payload: most octets that one command sends.
        prepare: commands before ``open``.
        create: command that makes a socket whose number the modem chooses, and the line that tells it; None where
            ``open`` does that.
        open: command that connects.
        opened: line, in the response or after it, that tells how that went; error 0 is success. Empty: OK is enough.
        send: command that opens the prompt for octets.
        arrived: line that tells of octets to read.
        read: command that reads some.
        left: line of the response that tells how many are left; without one, reading ends when nothing comes.
        closed: line that tells that the peer or the network closed a connection; without a group ``socket`` it may be
            any, and ``state`` is asked.
        state: command that tells the state of a connection, and the line that says that it is closed.
        close: command that closes the socket.
    """

    max_payload: int
    open: str
    send: str
    arrived: str
    read: str
    closed: str
    close: str
    prepare: tuple[str, ...] = ()
    create: tuple[str, str] | None = None
    opened: str = ""
    left: str = NEVER
    state: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One family of modems as the driver needs to know it.

    Attributes:
        name: what rig files call it.
        modules: names of modules, in lower case, that speak it: what rig files have as ``profile``.
        known_by: regular expression that finds it in what +CGMI and +CGMM answer, with a blank between them.
        identity: the command that tells each of ``manufacturer``, ``model``, ``revision``, ``imei``, ``imsi`` and
            ``iccid``.
        setup: what the driver sends once it is in step with the modem.
        urcs: unsolicited result codes.
        boot: those that tell of a start of the modem: settings, sockets and contexts are gone.
        payload_headers: lines that raw octets follow.
        finals: final results besides the numbered errors.
        timeouts: how long commands may take, by the start of the command line; the longest match counts.
        timeout: how long any other command may take.
        registration: read commands that tell of registration, in the order in which they are asked.
        udp: how sockets work.
        tcp: how connections work; None where the driver knows none.
        apn: access point name for packet contexts.
        sends: starts of command lines that may end in ``SEND OK`` or ``SEND FAIL``, with or without a prompt.
        connects: starts of command lines, besides calls, that may end in ``CONNECT`` or ``NO CARRIER``.
        prompt_delay: how long the modem is left in peace after it has prompted.
    """

    name: str
    modules: frozenset[str]
    known_by: str
    identity: Mapping[str, str]
    setup: tuple[SetupStep, ...]
    urcs: tuple[Urc, ...]
    boot: frozenset[str]
    payload_headers: tuple[PayloadHeader, ...]
    timeouts: Mapping[str, Duration]
    timeout: Duration
    registration: tuple[str, ...]
    udp: UdpProcedure
    tcp: TcpProcedure | None = None
    apn: str = "super"
    prompt_delay: Duration = "0s"
    sends: tuple[str, ...] = ()
    connects: tuple[str, ...] = ()
    finals: Mapping[str, tuple[bool, ResultKind]] = field(default_factory=lambda: FINAL_RESULTS)
    _urcs: tuple[tuple[re.Pattern[str] | None, Urc], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_urcs", tuple((re.compile(item.pattern) if item.pattern else None, item)
                                                for item in sorted(self.urcs, key=lambda item: -len(item.prefix))))

    def timeout_for(self, command: str) -> Duration:
        """Return how long this command line may take: all its commands one after the other."""
        spans = [to_ns(self._timeout_of(part)) for part in _parts(command)]
        return f"{sum(spans)}ns" if len(spans) > 1 else self._timeout_of(command.upper())

    def _timeout_of(self, command: str) -> Duration:
        fitting = [start for start in self.timeouts if command.startswith(start)]
        return self.timeouts[max(fitting, key=len)] if fitting else self.timeout

    def has_payload(self, line: str) -> bool:
        """Return whether raw octets follow this line."""
        matches = (header.pattern.fullmatch(line) for header in self.payload_headers if not header.inline)
        return any(match is not None and int(match[1]) > 0 for match in matches)

    def urc(self, line: str, command: str, answered: bool) -> Urc | None:
        """Return the unsolicited result code that ``line`` is, or None if it is part of the response.

        Args:
            command: the command line under way, empty if none is.
            answered: whether its response has a line already.
        """
        for pattern, item in self._urcs:
            if not line.startswith(item.prefix):
                continue
            if item.command.upper() not in command_names(command):
                return item
            if pattern.fullmatch(line) if pattern is not None else answered:
                return item
            return None
        return None


def command_names(command: str) -> list[str]:
    """Return the names of the extended commands in a command line: ``+CSQ`` and ``+CREG`` of ``AT+CSQ;+CREG?``."""
    return [re.split(r"[=?]", part, maxsplit=1)[0].removeprefix("AT") for part in _parts(command)]


def _parts(command: str) -> list[str]:
    """Return the commands of a line that are separated by semicolons, each with AT; those in quotes separate none."""
    parts = re.findall(r'(?:"[^"]*"|[^;"]|")+', command.upper())
    return [part if part.startswith("AT") else f"AT{part}" for part in parts]
