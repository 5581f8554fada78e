"""The line layer of one AT port: bytes in, results out (ITU-T V.250 clauses 5 and 6.2).

Theory of operation. What a client sends waits in the line reader. While the port is *idle* the engine takes one command
line, echoes it, and carries its commands out in order; the first that fails ends the line, and one final result answers
it. While a command is *busy* everything waits, unless the command can be aborted by any character; while a *prompt* is
open what comes is the data that was asked for. Unsolicited results wait until the port is idle again. A command can
also put the port into *data* mode (:mod:`harness.virtual.modem.data_mode`): then nothing is a command.

The engine knows the grammar and the table of commands, but no command: :mod:`harness.virtual.modem.features` does.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.errors import AtSyntaxError
from harness.formats.at import (
    NEED_DATA,
    Cancelled,
    Event,
    Form,
    Line,
    LineReader,
    Overflow,
    Payload,
    Repeat,
    Text,
    parse_line,
)
from harness.formats.at import Command as Parsed
from harness.formats.at import result as render_final
from harness.virtual.modem.codes import error_line
from harness.virtual.modem.command import (
    ERROR,
    OK,
    Call,
    Command,
    CommandError,
    Connect,
    Pending,
    Prompt,
    Refused,
    Reply,
    Result,
    Resume,
)
from harness.virtual.modem.command import Line as InformationLine
from harness.virtual.modem.data_mode import NO_WIRE, DataMode, Wire
from harness.virtual.modem.echo import shown_at_prompt
from harness.virtual.modem.late_result import delayed
from harness.virtual.modem.output import Kind, OutputQueue
from harness.virtual.modem.settings import LINE_DEFAULTS, Settings

if TYPE_CHECKING:
    from harness.virtual.modem.command_strikes import CommandStrikes
    from harness.virtual.modem.modem import VirtualModem

MAX_PENDING: Final = 131_072
"""Octets that wait while a command is busy; more are lost, as in a UART without flow control."""
MAX_UNSOLICITED: Final = 256
"""Unsolicited results that wait; the newest beyond are lost."""

_LINE_END: Final = 2_000_000
"""How long after octets were asked for a lone line feed is still the end of the command line: it was on its way, from
a client that ends lines in CR LF and a line, or a bridge, that takes the two apart."""


class State(Enum):
    """What the port is doing."""

    IDLE = auto()
    BUSY = auto()
    PROMPT = auto()
    DATA = auto()


_LISTENING = frozenset({State.IDLE, State.PROMPT})


class Session:
    """One AT port of a modem.

    Args:
        modem: whose port it is.
        output: where it says things.

    Attributes:
        settings: echo, response format and S-parameters of this port; :meth:`reload` puts a change in force.
        state: what it is doing.
        multiplexed: whether it is a channel of a multiplexer, which can't hold another one.
        wire: how full the way to the client is.
    """

    def __init__(self, modem: VirtualModem, output: OutputQueue) -> None:
        self.settings = Settings({name: modem.profile.defaults.get(name, value)
                                  for name, value in LINE_DEFAULTS.items()})
        self.output = output
        self.state = State.IDLE
        self.multiplexed = False
        self.wire: Wire = NO_WIRE
        self._modem = modem
        self._reader = self._new_reader()
        self._queue: deque[Parsed] = deque()
        self._pending: Pending | None = None
        self._prompt: Prompt | None = None
        self._data: DataMode | None = None  # also while the client is back in command mode by +++
        self._serial = 0  # of the command under way, so that the late end of an aborted one is told apart
        self._running = False
        self._data_escape = False
        self._left_final = ""
        self._line_open = False  # from a command line to its final result
        self._rate_known = False  # by a command since power-on
        self._asked_at = -1  # when octets were asked for, until the first comes
        self._unsolicited: deque[bytes] = deque()
        self._losing = False
        self._deaf = modem.profile.text("while_busy") == "drop"
        self.reload()

    def __repr__(self) -> str:
        return f"Session({self.state.name})"

    def reload(self) -> None:
        """Put changed settings in force."""
        settings = self.settings
        self._echo_on = bool(settings.number("E"))
        self._verbose = bool(settings.number("V"))
        self._quiet = bool(settings.number("Q"))
        self._reader.s3, self._reader.s5 = settings.number("S3"), settings.number("S5")
        self._line_end = bytes((settings.number("S3"), settings.number("S4")))
        self._ok = self._render_final(OK.final)

    def reset(self) -> None:
        """Forget everything under way, as when the power goes."""
        self.state = State.IDLE
        self._serial += 1
        self._line_open = self._rate_known = False
        self._queue.clear()
        self._pending = self._prompt = None
        self.hang_up()
        self._unsolicited.clear()
        self.output.clear()
        if self._modem.faults is not None:
            self._modem.faults.reset(self)
        self._reader = self._new_reader()
        self.settings.recall()
        self.reload()

    def _new_reader(self) -> LineReader:
        return LineReader(max_line=self._modem.profile.number("max_line"), max_pending=MAX_PENDING)

    # -- from the client ----------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client, in a turn of the world; nobody hears them while the module is off."""
        if not self._modem.powered:
            return
        if (faults := self._modem.faults) is not None and faults.watching:
            if faults.hung:
                return
            if self.state is State.PROMPT:
                data = faults.typed(self, data)
        if self._asked_at >= 0:
            late_end = data == b"\n" and self._modem.world.now() - self._asked_at <= _LINE_END
            self._asked_at = -1
            if late_end:
                return
        if self.state is State.DATA:
            assert self._data is not None
            self._data.receive(data)
            return
        if self._deaf and self.state is State.BUSY and self._pending is not None and self._pending.aborted is None:
            return
        if self._reader.receive(data):
            if not self._losing:
                self._losing = True
                self._modem.record("input_lost")
        else:
            self._losing = False
        if self.state is not State.BUSY:
            self._run()
        elif self._pending is not None and self._pending.aborted is not None and data.strip(b"\n"):
            aborted = self._pending.aborted
            self._reader.discard_pending()
            self._ended(self._serial, aborted())
        self.output.flush()

    def _run(self) -> None:
        """Work through what waits, as far as possible."""
        if self._running:
            return
        self._running = True
        try:
            while self.state in _LISTENING:
                event = self._reader.next_event()
                consumed = self._reader.take_consumed()
                if (faults := self._modem.faults) is not None and faults.watching and self._prompt is None:
                    line = event.text if isinstance(event, Line | Repeat) else None
                    consumed = faults.heard(self, line, consumed)
                if consumed:
                    self._show_typed(consumed)
                if event is NEED_DATA:
                    return
                self._take_event(event)
        finally:
            self._running = False

    def _take_event(self, event: Event) -> None:
        if isinstance(event, Line | Repeat):
            self._execute(event.text)
            return
        prompt, self._prompt = self._prompt, None
        if prompt is None:  # an overlong command line
            self._finish_line(ERROR)
            return
        self.state = State.IDLE
        if isinstance(event, Text | Payload):
            try:
                result: Result = prompt.then(event.data)
            except CommandError as error:  # what was typed is wrong
                result = error.result
        elif isinstance(event, Cancelled):
            result = prompt.cancelled
        else:
            assert isinstance(event, Overflow)
            result = prompt.too_long
        if self._take(result):
            self._next()

    def _show_typed(self, typed: bytes) -> None:
        if self._prompt is not None:
            for kind, data in shown_at_prompt(self._prompt, typed, echo_on=self._echo_on):
                self.output.say(kind, data)
        elif self._echo_on:
            self.output.say(Kind.ECHO, typed)

    # -- carrying out -------------------------------------------------------------------------------------------------

    def _execute(self, text: str) -> None:
        try:
            commands = parse_line(text)
        except AtSyntaxError:
            self._finish_line(ERROR)
            return
        self._line_open = self._rate_known = True
        self._modem.saving.used()
        self._queue.extend(commands)
        self._next()

    def _next(self) -> None:
        """Carry out the commands that are left on the line."""
        while self._queue:
            if not self._take(self._carry_out(self._queue.popleft())):
                return
        # a bare AT is no command, but may be struck like one
        if (strikes := self._strikes()) is None or self._take(strikes.put_off(strikes.instead or OK)):
            self._finish_line(OK)

    def _carry_out(self, parsed: Parsed) -> Result:
        if (strikes := self._strikes()) is not None:
            result = strikes.instead if strikes.instead is not None else self._carry_out_as_known(parsed)
            return strikes.put_off(result)
        return self._carry_out_as_known(parsed)

    def _strikes(self) -> CommandStrikes | None:
        """Return what faults do to the next command."""
        faults = self._modem.faults
        return faults.command(self) if faults is not None and faults.watching else None

    def _carry_out_as_known(self, parsed: Parsed) -> Result:
        command = self._modem.commands.get(parsed.name)
        if command is None:
            return ERROR
        call = Call(self._modem, self, command, parsed.form, parsed.arguments)
        result = self._answer(command, call)
        delay = self._modem.timings.command(parsed.name, parsed.form)
        return delayed(self._modem.world, result, delay) if delay else result

    def _answer(self, command: Command, call: Call) -> Result:
        form = call.form
        try:
            if form is Form.TEST:
                return command.describe(call)
            # a basic command with its number is a set form, whatever sign stands between
            handler = command.handler(Form.SET if form is Form.EXEC and call.arguments else form)
            if handler is None:
                return ERROR
            unmet = self._modem.unmet(command.needs_of(form), command.family)
            return unmet if unmet is not None else handler(call)
        except CommandError as error:
            return error.result

    def _take(self, result: Result) -> bool:
        """Act on a result; return whether the next command of the line may begin."""
        if isinstance(result, Reply):
            if result.lines:
                self._say_information(result.lines)
            if result.final == "OK":
                return True
            self._finish_line(Reply(final=result.final))
        elif isinstance(result, Refused):
            line = error_line(result.family, result.number, cmee=self._modem.settings.number("+CMEE"),
                              capital=self._modem.profile.flag("capital_errors"))
            self._modem.last_error = error_line(result.family, result.number, cmee=2).partition(": ")[2]
            self._finish_line(ERROR if line == "ERROR" else Reply(final=line))
        elif isinstance(result, Pending):
            self.state = State.BUSY
            self._serial += 1
            self._pending = result
            result.start(partial(self._ended, self._serial))
        elif isinstance(result, Connect):
            self.connect(result)
        elif isinstance(result, Resume):
            self.resume()
        else:
            self.state = State.PROMPT
            self._prompt = result
            if result.timeout:
                self._modem.later(result.timeout, partial(self._give_up, result, result.timed_out),
                                  name="modem-prompt", scaled=False)
            if result.length is None:
                self._reader.expect_prompt_text(limit=result.limit)
            else:
                self._reader.end_line()
                self._reader.expect_bytes(result.length)
                if result.length > 1:
                    self._asked_at = self._modem.world.now()
            self.output.say(Kind.PROMPT, result.text)
            if self._modem.faults is not None and self._modem.faults.prompted(self):
                self._modem.faults.keep_back(self, self._reader.discard_pending())
        return False

    def withdraw(self, about: object, result: Reply | Refused) -> None:
        """Wait no longer for data that is about this; no effect if no prompt asks for any."""
        if self._prompt is not None and self._prompt.about is about:
            self._give_up(self._prompt, result)

    def _give_up(self, prompt: Prompt, result: Reply | Refused) -> None:
        if self._prompt is prompt:
            self._prompt = None
            self._reader.expect_line()
            self.state = State.IDLE
            self._take(result)
            self._run()
            self.output.flush()

    def _ended(self, serial: int, result: Result) -> None:
        """Go on after a pending command, unless it was aborted meanwhile."""
        if serial != self._serial or self.state is not State.BUSY:
            return
        self.state = State.IDLE
        self._pending = None
        if self._take(result):
            self._next()
        self._run()
        self.output.flush()

    def _finish_line(self, reply: Reply) -> None:
        self.state = State.IDLE
        self._line_open = False
        self._queue.clear()
        self._say_final(reply)
        self._say_held()
        self._reader.end_wait()

    def _say_final(self, reply: Reply) -> None:
        if not self._quiet:
            self.output.say(Kind.FINAL, self._ok if reply is OK else self._render_final(reply.final))

    def _say_held(self) -> None:
        if self._unsolicited:
            for data in self._unsolicited:
                self.output.say(Kind.UNSOLICITED, data)
            self._unsolicited.clear()

    # -- data mode ----------------------------------------------------------------------------------------------------

    @property
    def on_line(self) -> bool:
        """Whether a data link is open, also while +++ has brought the port back to commands."""
        return self._data is not None and self._data.link.standing

    def resume(self) -> None:
        """Go back to the data link that +++ left; no effect if there is none."""
        if self._data is None:
            return
        self._say_final(Reply(final="CONNECT"))
        self._queue.clear()
        self.state = State.DATA
        self._reader.end_line()
        self._data.resume()

    def hang_up(self) -> None:
        """End the data link; no error if there is none."""
        if (data := self._data) is not None:
            self._data = None
            data.end()
            if self.state is State.DATA:
                self.state = State.IDLE
            self._left_final = ""
            data.link.hung_up()

    def send(self, data: bytes) -> None:
        """For the data link: send octets to the client; lost while the port is in command mode."""
        if self.state is State.DATA:
            self.output.say(Kind.DATA, data)
            self.output.flush()

    def finish(self, final: str) -> None:
        """For the data link: go back to command mode for good, with this result or, if empty, without any.

        Where +++ has brought the port there already, the result waits for the end of what the client is doing.
        """
        if (data := self._data) is None:
            return
        self._data = None
        data.end()
        said = self._render_final(final) if final and not self._quiet else b""
        if self.state is not State.DATA:
            self._say_unsolicited(said)
            return
        self.state = State.IDLE
        self._line_open = False
        if said:
            self.output.say(Kind.FINAL, said)
        self._say_held()
        self.output.flush()

    def client_gone(self) -> None:
        """The client closed the port, which is how data terminal ready drops on one (&D, V.250 clause 6.2.9)."""
        reaction = self.settings.number("&D")
        if self._data is not None and reaction and self._data_escape:
            if reaction == 1:
                self._escaped()
            else:
                self.hang_up()

    def connect(self, result: Connect) -> None:
        """Go to data mode; without a command that asks for it only while the port is idle."""
        plain = result.final.startswith("CONNECT ") and not self.settings.number("X")  # X0: no rate (V.250 6.2.7)
        self._say_final(Reply(final="CONNECT" if plain else result.final))
        self._queue.clear()
        self.state = State.DATA
        self._data_escape = result.escape
        self._left_final = result.left
        link = result.open(self)
        self._data = DataMode(self._modem.world, link, guard=self.settings.number("S12"),
                              escaped=self._escaped if result.escape else None)
        self._reader.end_line()
        link.resumed()
        if waiting := self._reader.discard_pending():
            self._data.receive(waiting)
        self.output.flush()

    def _escaped(self) -> None:
        final = Reply(final=self._left_final) if self._left_final else OK
        if self._left_final:
            self.hang_up()
        elif self._data is not None:
            self._data.link.suspended()
        self.state = State.IDLE
        self._line_open = False
        self._say_final(final)
        self._say_held()
        self.output.flush()

    # -- to the client ------------------------------------------------------------------------------------------------

    def unsolicited(self, body: InformationLine) -> None:
        """Say something nobody asked for, as soon as nobody waits for an answer."""
        self._say_unsolicited(self._render_information((body,)))

    def _say_unsolicited(self, data: bytes) -> None:
        if not data or (not self._rate_known and self._modem.settings.get("+IPR", (1,)) == (0,)):
            return  # nothing to say, or no command yet that shows at which rate
        if self.state is not State.DATA and (not self._line_open or not self._modem.profile.flag("hold_urcs")):
            self.output.say(Kind.UNSOLICITED, data)
            self.output.flush()
        elif self._data is not None and not self._data_escape:
            return  # the multiplexer's own ports say it
        elif len(self._unsolicited) < MAX_UNSOLICITED:
            self._unsolicited.append(data)
        else:
            self._modem.record("unsolicited_lost")

    def _say_information(self, lines: tuple[InformationLine, ...]) -> None:
        self.output.say(Kind.INFORMATION, self._render_information(lines))

    def _render_information(self, lines: tuple[InformationLine, ...]) -> bytes:
        end = self._line_end
        body = end.join(line if isinstance(line, bytes) else line.encode("latin-1", "replace") for line in lines)
        return end + body + end if self._verbose else body + end

    def _render_final(self, final: str) -> bytes:
        return render_final(final, verbose=self._verbose, s3=self.settings.number("S3"), s4=self.settings.number("S4"))
