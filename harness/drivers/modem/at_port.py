"""AT commands over a serial channel, and the unsolicited codes that come between them.

Theory of operation. Everything that arrives becomes one numbered :class:`Line` of a bounded line journal, filed as what
it is: an echo, part of the response of the command under way, its final result, or unsolicited. Nothing is ever taken
out of that journal: expectations keep a cursor into it, so one assertion does not eat the evidence of another.

One command is under way at a time. If it is given up on (no final result in time), its result may still come: the next
command then gets in step with the modem first, so that no result is taken for another command's.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.channel import SerialChannel
from harness.drivers.modem.demultiplexer import Demultiplexer, Filed
from harness.drivers.modem.dialect import Dialect
from harness.drivers.modem.lines import Command, Line, LineKind, Response
from harness.errors import CommandFailed, ModemError, TimeoutExpired, UsageError
from harness.journal import Journal

_LINES_KEPT = 20_000
_CURSORS_KEPT = 1_000
_MAX_COMMAND = 2_048
_QUIET = "100ms"  # after this much silence nothing of an earlier command is still to come
_ATTEMPT = "1s"
_GRACE = 10 * NANOSECONDS  # for a result behind a word that looks like a start of the modem

ESCAPE = b"\x1b"
CTRL_Z = b"\x1a"

_RECOVERIES: tuple[tuple[str, bytes, Duration], ...] = (
    ("an open prompt", ESCAPE + b"\r", "0s"),
    ("a multiplexer left open", bytes.fromhex("f903ef05c301f2f9"), "0s"),
    ("data mode", b"+++", "1100ms"),
    ("a socket that waits for data", b"\r" * 1_500, "0s"),
    ("results as numbers, or none", b"\rATV1Q0\r", "0s"),
)
"""What may keep a modem from answering, what ends that, and the silence it needs before and after.

The second is the multiplexer close-down command of 3GPP TS 27.010 clause 5.4.6.3.3 in a basic option frame, the third
the escape sequence of ITU-T V.250 with its guard times.
"""


_LINE_SPEEDS = (115_200, 9_600, 921_600, 57_600, 460_800, 230_400, 38_400, 19_200)
_PATIENCE = 2  # rounds of recoveries before the modem may be at another line speed than it is said to be


class AtPort:
    """The AT side of one serial channel.

    Args:
        channel: where octets go and come from; opened by :meth:`open`.
        dialect: what this family of modems says.

    Attributes:
        restarted: whether the modem told of a start, or echoes again, since somebody set this to False.
        echo_is_off: whether an echo means that the modem has lost its settings.
        text_mode: whether somebody wanted texts in text mode (+CMGF=1) last.
        echoed: whether the last command was echoed.
        gaps: how often something unsolicited may have been missed, because the port had to get in step again.
    """

    def __init__(self, channel: SerialChannel, dialect: Dialect, clock: Clock, journal: Journal, name: str) -> None:
        self.channel = channel
        self.dialect = dialect
        self.name = name
        self.restarted = False
        self.echo_is_off = False
        self.text_mode = False
        self.echoed = False
        self.gaps = 0
        self._clock = clock
        self._journal = journal
        self._ear = Demultiplexer(dialect)
        self._lines: deque[Line] = deque(maxlen=_LINES_KEPT)
        self._count = itertools.count()
        self._seen: set[int] = set()
        self._cursors: dict[str, int] = {}
        self._in_step = False
        self._arrivals = 0
        self._hooks: list[Callable[[Line], None]] = []
        channel.listen(self._received)

    def __repr__(self) -> str:
        return f"AtPort({self.name!r}, {self.channel!r})"

    def use(self, dialect: Dialect) -> None:
        """Take what arrives as this family of modems means it from now on."""
        self.dialect = dialect
        self._ear.use(dialect)

    @property
    def in_step(self) -> bool:
        """Whether the last command was answered."""
        return self._in_step

    # -- evidence -----------------------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[Line]:
        """All lines that the modem sent, oldest first; the last 20,000 are kept."""
        return list(self._lines)

    def mark(self) -> int:
        """Return a cursor: the position of the next line to come."""
        return self._lines[-1].seq + 1 if self._lines else 0

    def subscribe(self, hook: Callable[[Line], None]) -> None:
        """Call ``hook`` with every unsolicited code when it is complete. Hooks must not send commands."""
        self._hooks.append(hook)

    def saw(self) -> str:
        """Return in words what the modem said last, for messages."""
        unread = sum(1 for line in self._lines if line.kind is LineKind.UNSOLICITED and line.seq not in self._seen)
        parts = [f"last line {self._lines[-1].text!r}" if self._lines else "no line at all"]
        if unread:
            parts.append(f"{unread} line{'s' if unread > 1 else ''} unread")
        if partial := self._ear.partial:
            parts.append(f"an unfinished line {partial[:80]!r}")
        return ", ".join(parts)

    # -- getting in step ----------------------------------------------------------------------------------------------

    def open(self, *, within: Duration = "30s") -> None:
        """Open the channel and get in step with the modem, whatever an earlier program left behind.

        Raises:
            TimeoutExpired: no answer to AT in this time.
            ModemError, UsageError: the port can't be opened.
        """
        self.channel.open()
        self._in_step = False
        self.synchronise(within=within)

    def synchronise(self, *, within: Duration = "30s") -> None:
        """Send AT until the modem answers OK and nothing else, and end what may keep it from that.

        Raises:
            TimeoutExpired: no answer in this time.
            PortLost: the port went away.
        """
        deadline = self._clock.now() + to_ns(within)
        self.gaps += 1
        said = self.channel.baudrate
        ways = self._ways(said)
        while True:
            self._ear.reset()
            self._in_step = self._answers() and self._settled() and self._answers()
            if self._in_step:
                if self.channel.baudrate != said:
                    self._journal.record("driver", "line_speed_found", device=self.name,
                                         bits_per_second=self.channel.baudrate)
                return
            if self._clock.now() >= deadline:
                self.channel.baudrate = said
                raise TimeoutExpired(f"an answer to AT on {self.name}", within=to_ns(within) / NANOSECONDS,
                                     saw=self.saw())
            next(ways)()

    def _ways(self, said: int) -> Iterator[Callable[[], None]]:
        """Give what may help, one after the other, without end; ``said`` is the line speed that should be right."""
        for number in itertools.count(1):
            yield from (partial(self._recover, recovery) for recovery in _RECOVERIES)
            if number >= _PATIENCE and self.channel.has_line_speed:
                yield from (partial(setattr, self.channel, "baudrate", speed)
                            for speed in (*(speed for speed in _LINE_SPEEDS if speed != said), said))

    def _answers(self) -> bool:
        try:
            return self._run(Command("AT"), within=_ATTEMPT).lines == ()
        except (TimeoutExpired, CommandFailed):
            return False

    def _settled(self) -> bool:
        """Wait until nothing more comes; False if it never stops."""
        for _ in range(50):
            before = self._arrivals
            self._clock.sleep(_QUIET)
            self.channel.check()
            if self._arrivals == before:
                self._ear.reset()
                return True
        return False

    def _recover(self, recovery: tuple[str, bytes, Duration]) -> None:
        what, octets, guard = recovery
        self._journal.record("driver", "recovery_tried", device=self.name, against=what)
        self._clock.sleep(guard)
        self.channel.write(octets)
        self._clock.sleep(guard)
        self._settled()

    # -- commands -----------------------------------------------------------------------------------------------------

    def command(self, text: str, *, within: Duration | None = None, data: bytes | None = None) -> Response:
        """Send a command line and return its response.

        Args:
            text: the line, with AT, without the carriage return.
            within: how long it may take; the dialect's timeout for this command if None.
            data: what to send when the modem prompts for it, its terminator included.

        Raises:
            CommandFailed: a final result other than success.
            ModemError: the modem started anew meanwhile.
            TimeoutExpired: no final result, or no prompt, in time.
            PortLost: the port went away.
            UsageError: not a command line, or another command is under way.
        """
        if not re.fullmatch(r"(?i:AT)[\x20-\x7e]*", text) or len(text) > _MAX_COMMAND:
            raise UsageError(f"a command line is AT and up to {_MAX_COMMAND} printable ASCII characters, not {text!r}")
        if self._ear.command is not None:
            raise UsageError(f"{self.name}: {self._ear.command.text!r} is under way; one command at a time")
        if not self._in_step:
            self.synchronise()
        if "E1" in text.upper().split("+")[0]:
            self.echo_is_off = False  # somebody wants it
        if modes := re.findall(r"\+CMGF=([01])", text.upper()):
            self.text_mode = modes[-1] == "1"
        span = self.dialect.timeout_for(text) if within is None else within
        return self._run(Command(text, sends_data=data is not None), within=span, data=data)

    def _run(self, command: Command, *, within: Duration, data: bytes | None = None) -> Response:
        self._ear.command = command
        self.echoed = False
        self._ear.expect_prompt(data is not None)
        deadline = self._clock.now() + to_ns(within)
        self._in_step = False  # whatever ends this but a result
        try:
            self.channel.write(command.text.encode("ascii") + b"\r", within=within)
            if data is not None:
                self._await(command, lambda: command.prompted, deadline, f"the prompt of {command.text!r}")
                if command.result is None:
                    self._clock.sleep(self.dialect.prompt_delay)
                    self.channel.write(data)
            self._await(command, lambda: False, deadline, f"the result of {command.text!r}")
            self._in_step = True
        except TimeoutExpired as problem:
            self._journal.record("driver", "command_timed_out", device=self.name, command=command.text)
            if command.interrupted:
                raise ModemError(f"{self.name} started anew while {command.text!r} was under way: it said "
                                 f"{command.interrupted!r}") from problem
            if data is not None:
                with contextlib.suppress(TimeoutExpired):
                    self.channel.write(ESCAPE)
            raise
        finally:
            self._ear.command = None
            self._ear.expect_prompt(False)
        result = command.result or ""
        self._journal.record("driver", "command_answered", device=self.name, command=command.text, result=result,
                             lines=list(command.lines))
        if not command.success:
            raise CommandFailed(command.text, result, code=command.code)
        return Response(command=command.text, lines=tuple(command.lines), result=result, blocks=tuple(command.blocks))

    def _await(self, command: Command, ready: Callable[[], bool], deadline: int, what: str) -> None:
        def answered() -> bool:
            self.channel.check()
            return command.result is not None or ready()

        def wait(predicate: Callable[[], bool], until: int) -> None:
            left = max(0, until - self._clock.now())
            self._clock.wait(predicate, within=left / NANOSECONDS, what=f"{what} on {self.name}", saw=self.saw)

        wait(lambda: answered() or bool(command.interrupted), deadline)
        if not answered():  # a modem that starts anew answers no more
            wait(answered, min(deadline, self._clock.now() + _GRACE))

    # -- unsolicited codes --------------------------------------------------------------------------------------------

    def expect_urc(self, prefix: str, *, within: Duration = "10s", matching: str = "",
                   since: int | None = None) -> Line:
        """Return the next unsolicited code that begins with ``prefix``.

        Each call for the same prefix and pattern goes on where the last one found its line; calls for different ones
        do not take anything from each other.

        Args:
            matching: regular expression that must occur in the line, too.
            since: a cursor of :meth:`mark` to look from instead.

        Raises:
            TimeoutExpired: none came in time.
            PortLost: the port went away.
        """
        key = f"{prefix}\0{matching}"
        start = self._cursors.get(key, 0) if since is None else since
        pattern = re.compile(matching)

        def found() -> Line | None:
            line = self.find_urc(prefix, start, pattern)
            if line is None:
                self.channel.check()
            return line

        line = self._clock.wait(found, within=within, what=f"{prefix!r} on {self.name}", saw=self.saw)
        self._seen.add(line.seq)
        if len(self._cursors) >= _CURSORS_KEPT:
            self._cursors.clear()
        self._cursors[key] = line.seq + 1
        return line

    def find_urc(self, prefix: str, start: int, pattern: re.Pattern[str]) -> Line | None:
        """Return the first unsolicited code from cursor ``start`` on that fits, or None; without waiting."""
        if not self._lines or self._lines[-1].seq < start:
            return None
        oldest = self._lines[0].seq
        for line in itertools.islice(self._lines, max(0, start - oldest), None):
            if line.kind is LineKind.UNSOLICITED and line.text.startswith(prefix) and pattern.search(line.text):
                return line
        return None

    def seen(self, line: Line) -> None:
        """Count a line as read in messages of what else was there."""
        self._seen.add(line.seq)

    # -- what arrives -------------------------------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        self._arrivals += len(data)
        for item in self._ear.receive(data, self._clock.now()):
            if isinstance(item, Filed):
                self._file(item)
            else:
                self._journal.record("driver", "line_too_long", device=self.name, limit=item.limit)

    def _file(self, item: Filed) -> None:
        line = Line(seq=next(self._count), t=item.t, kind=item.kind, text=item.text, body=item.body, data=item.data)
        self._lines.append(line)
        if item.kind is LineKind.ECHO:
            self.echoed = True
            self.restarted |= self.echo_is_off
        elif item.kind is LineKind.UNSOLICITED:
            self.restarted |= item.text in self.dialect.boot
            self._journal.record("driver", "urc_received", device=self.name, text="\n".join((item.text, *item.body)))
            for hook in self._hooks:
                hook(line)
