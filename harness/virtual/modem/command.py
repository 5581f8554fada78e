"""What a command is: an entry of a table with one handler per form, and the values that handlers answer with.

A handler gets a :class:`Call` and returns a :data:`Result`; it writes nothing itself. The engine turns results into
bytes, so one handler serves verbose and numeric responses, every +CMEE level and every port.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Flag, auto
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.errors import AtSyntaxError, InternalError
from harness.formats.at import Argument, Form
from harness.virtual.modem.codes import Cme, Cms, Family
from harness.virtual.modem.settings import Value

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataLink, DataPort
    from harness.virtual.modem.engine import Session
    from harness.virtual.modem.modem import VirtualModem

Line: TypeAlias = str | bytes
"""One information line; text is sent as Latin-1."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The command is done.

    Attributes:
        lines: information lines.
        final: how it ended, in the words of verbose results.
    """

    lines: tuple[Line, ...] = ()
    final: str = "OK"


@dataclass(frozen=True, slots=True)
class Refused:
    """The command failed with a number of +CME ERROR or +CMS ERROR."""

    family: Family
    number: int


@dataclass(frozen=True, slots=True)
class Pending:
    """The command goes on; ``start`` gets the function that ends it, now or in a later turn.

    Attributes:
        aborted: what ends it when a character arrives meanwhile (ITU-T V.250 clause 5.6.1); None: it can't be aborted.
    """

    start: Callable[[Callable[[Result], None]], None]
    aborted: Callable[[], Result] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The command wants data.

    Attributes:
        then: takes the data and tells how the command goes on.
        length: octets to take as they are; None: up to Ctrl-Z, with ESC to cancel.
        text: the prompt.
        again: sent after each carriage return within the data.
        echo: whether the data is echoed where the port echoes.
        limit: the longest data taken up to Ctrl-Z, in octets.
        too_long: what longer data is answered with.
        cancelled: what ESC is answered with.
        timeout: nanoseconds after which the port waits no longer for the rest; 0: it waits for ever.
        timed_out: what that is answered with.
        about: what the data is for; :meth:`~harness.virtual.modem.engine.Session.withdraw` ends the prompt by it.
    """

    then: Callable[[bytes], Result]
    length: int | None = None
    text: bytes = b"\r\n> "
    again: bytes = b""
    echo: bool = True
    limit: int = 2048
    too_long: Reply | Refused = Reply(final="ERROR")
    cancelled: Reply = Reply()
    timeout: int = 0
    timed_out: Reply | Refused = Reply(final="ERROR")
    about: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """The port goes over to data.

    Attributes:
        open: gets the port and returns what its data goes to; called when the result has been said.
        final: the result that tells of it.
        escape: whether ``+++`` leads back to commands.
        left: the result that tells of that, from links which end then; empty: OK, and the link waits for ATO.
    """

    open: Callable[[DataPort], DataLink]
    final: str = "CONNECT"
    escape: bool = True
    left: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The port goes back to the data link that ``+++`` left."""


Result: TypeAlias = Reply | Refused | Pending | Prompt | Connect | Resume

OK: Final = Reply()
ERROR: Final = Reply(final="ERROR")


class CommandError(Exception):
    """Ends a handler early with a result; caught by the engine."""

    def __init__(self, result: Reply | Refused) -> None:
        super().__init__(str(result))
        self.result = result


def cme(number: Cme | int) -> Refused:
    """Return a refusal with this number of +CME ERROR."""
    return Refused(Family.CME, int(number))


def cms(number: Cms | int) -> Refused:
    """Return a refusal with this number of +CMS ERROR."""
    return Refused(Family.CMS, int(number))


def info(*lines: Line) -> Reply:
    """Return a reply with these information lines and OK."""
    return Reply(lines)


class Needs(Flag):
    """What must hold before a command is carried out; the test form needs nothing."""

    NOTHING = 0
    SIM = auto()
    """A SIM card that has started, locked or not."""
    UNLOCKED = auto()
    """A SIM card with its PIN verified."""
    RADIO = auto()
    """Full functionality (+CFUN=1)."""
    REGISTERED = auto()
    """Home or roaming."""


class Call:
    """A command as it was given, and to whom."""

    __slots__ = ("arguments", "command", "form", "modem", "session")

    def __init__(self, modem: VirtualModem, session: Session, command: Command, form: Form,
                 arguments: tuple[Argument | None, ...]) -> None:
        self.modem = modem
        self.session = session
        self.command = command
        self.form = form
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"Call({self.command.name}{self.form.value} {self.arguments!r})"

    @property
    def count(self) -> int:
        """How many parameters were given, the empty ones included."""
        return len(self.arguments)

    def given(self, position: int) -> bool:
        """Tell whether a parameter has a value."""
        return position < len(self.arguments) and self.arguments[position] is not None

    def number(self, position: int, default: int | None = None, *, low: int = 0, high: int = 0x7FFF_FFFF) -> int:
        """Return a numeric parameter within its range, or ``default`` where it was left out.

        Raises:
            CommandError: it is no number, out of range, or left out without a default.
        """
        if not self.given(position):
            if default is None:
                raise self.bad()
            return default
        argument = self.arguments[position]
        try:
            value = argument.number() if argument is not None else -1
        except AtSyntaxError:
            raise self.bad() from None
        if not low <= value <= high:
            raise self.bad()
        return value

    def text(self, position: int, default: str | None = None, *, limit: int = 2048) -> str:
        """Return a string parameter as it came, or ``default`` where it was left out.

        Raises:
            CommandError: it is longer than ``limit``, or left out without a default.
        """
        if not self.given(position):
            if default is None:
                raise self.bad()
            return default
        argument = self.arguments[position]
        value = argument.text if argument is not None else ""
        if len(value) > limit:
            raise self.bad()
        return value

    def word(self, position: int, allowed: Container[str], default: str | None = None) -> str:
        """Return a string parameter that is one of some words, written plainly or in the character set of +CSCS.

        Raises:
            CommandError: it is none of them, or left out without a default.
        """
        word = self.text(position, default)
        if word not in allowed:
            try:
                word = self.modem.decode_text(word)
            except ValueError:
                raise self.bad() from None
        if word not in allowed:
            raise self.bad()
        return word

    def at_most(self, count: int) -> None:
        """Refuse surplus parameters.

        Raises:
            CommandError: there are more than ``count``.
        """
        if len(self.arguments) > count:
            raise self.bad()

    def bad(self) -> CommandError:
        """Return what a parameter outside its rules is answered with."""
        return CommandError(self.command.bad_value)


Handler: TypeAlias = Callable[[Call], Result]
TestForm: TypeAlias = str | tuple[str, ...] | Handler | None

NO_PARAMETERS: Final = ""
"""Test form of a command that has none to tell: a bare OK is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of the table.

    Attributes:
        name: as written after AT, in upper case.
        clause: where it is described.
        test: information of the test form, without the ``+NAME: `` in front; NO_PARAMETERS; None: ERROR.
        needs: what must hold for the other forms.
        read_needs: what must hold for the read form, where that is less.
        family: which errors it reports.
    """

    name: str
    clause: str
    test: TestForm = None
    read: Handler | None = None
    set: Handler | None = None
    exec: Handler | None = None
    needs: Needs = Needs.NOTHING
    read_needs: Needs | None = None
    family: Family = Family.CME

    @property
    def bad_value(self) -> Refused:
        """What a parameter out of range is answered with."""
        return cme(Cme.INCORRECT_PARAMETERS) if self.family is Family.CME else cms(Cms.NOT_SUPPORTED)

    @property
    def forms(self) -> str:
        """The forms there are, for printing: of ``TRSX`` (test, read, set, exec)."""
        return "".join(letter if present else "-" for letter, present in
                       (("T", self.test is not None), ("R", self.read), ("S", self.set), ("X", self.exec)))

    def handler(self, form: Form) -> Handler | None:
        """Return what carries out a form other than the test form."""
        if form is Form.SET:
            return self.set
        return self.read if form is Form.READ else self.exec

    def needs_of(self, form: Form) -> Needs:
        """Return what must hold for a form."""
        if form is Form.TEST:
            return Needs.NOTHING
        return self.needs if form is not Form.READ or self.read_needs is None else self.read_needs

    def describe(self, call: Call) -> Result:
        """Carry out the test form."""
        if self.test is None:
            return ERROR
        if callable(self.test):
            return self.test(call)
        if self.test == NO_PARAMETERS:
            return OK
        lines = (self.test,) if isinstance(self.test, str) else self.test
        return Reply(tuple(f"{self.name}: {line}" for line in lines))


class CommandTable:
    """The commands of one dialect, by name."""

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._commands: dict[str, Command] = {}
        self.add(*commands)

    def __repr__(self) -> str:
        return f"CommandTable({len(self._commands)} commands)"

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def __len__(self) -> int:
        return len(self._commands)

    def add(self, *commands: Command) -> None:
        """Add entries; each name stands once."""
        for command in commands:
            if command.name in self._commands:
                raise InternalError(f"{command.name} stands in the command table twice")
            self._commands[command.name] = command

    def replace(self, *commands: Command) -> None:
        """Add entries; those there are already give way, but keep their place."""
        self._commands.update({command.name: command for command in commands})

    def remove(self, name: str) -> bool:
        """Take an entry out; return whether it was there."""
        return self._commands.pop(name, None) is not None

    def get(self, name: str) -> Command | None:
        """Return the entry of this name, None if the dialect does not know it."""
        return self._commands.get(name)

    def render(self) -> str:
        """Return the table as text, one entry a line."""
        return "\n".join(f"{command.name:<14} {command.forms} {command.clause}" for command in self)


# -- values that a command only keeps ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``low`` to ``high``."""

    low: int
    high: int

    def render(self) -> str:
        """Return it as the test form tells it."""
        if self.high - self.low < 2:
            return f"({self.low},{self.high})" if self.low != self.high else f"({self.low})"
        return f"({self.low}-{self.high})"

    def accepts(self, value: int | str) -> bool:
        """Tell whether a value is allowed."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some numbers."""

    values: tuple[int, ...]

    def render(self) -> str:
        """Return it as the test form tells it."""
        return f"({','.join(map(str, self.values))})"

    def accepts(self, value: int | str) -> bool:
        """Tell whether a value is allowed."""
        return value in self.values


@dataclass(frozen=True, slots=True)
class Word:
    """One of some quoted words."""

    values: tuple[str, ...]

    def render(self) -> str:
        """Return it as the test form tells it."""
        return "(" + ",".join(f'"{value}"' for value in self.values) + ")"

    def accepts(self, value: int | str) -> bool:
        """Tell whether a value is allowed."""
        return value in self.values


Parameter: TypeAlias = Number | Choice | Word


def setting(name: str, *parameters: Parameter, clause: str, optional: int = 0, needs: Needs = Needs.NOTHING,
            family: Family = Family.CME, then: Callable[[Call], None] | None = None) -> Command:
    """Return a command that keeps its parameters under its own name and tells them when read.

    Args:
        optional: how many parameters, from the end, may be left out; those keep their values.
        then: called after the values were set.
    """

    def read(call: Call) -> Result:
        return info(f"{name}: {render_values(call.modem.settings[name])}")

    def assign(call: Call) -> Result:
        call.at_most(len(parameters))
        if call.count < len(parameters) - optional:
            raise call.bad()
        values = list(call.modem.settings[name])
        for position, parameter in enumerate(parameters):
            if not call.given(position):
                continue
            value: int | str = call.text(position) if isinstance(parameter, Word) else call.number(position)
            if not parameter.accepts(value):
                raise call.bad()
            values[position] = value
        call.modem.settings[name] = tuple(values)
        if then is not None:
            then(call)
        return OK

    test = ",".join(parameter.render() for parameter in parameters)
    return Command(name=name, clause=clause, test=test, read=read, set=assign, needs=needs, family=family)


def render_values(values: Value) -> str:
    """Return values as a read command tells them: numbers bare, texts in quotes."""
    return ",".join(str(value) if isinstance(value, int) else f'"{value}"' for value in values)


def fixed(name: str, clause: str, *lines: str, forms: str = "X", test: TestForm = NO_PARAMETERS) -> Command:
    """Return a command whose answer never changes."""

    def answer(call: Call) -> Result:
        return Reply(lines)

    handlers: Mapping[str, Handler] = dict.fromkeys(forms, answer)
    return Command(name=name, clause=clause, test=test, exec=handlers.get("X"), read=handlers.get("R"),
                   set=handlers.get("S"))
