"""Command lines, split into commands and their arguments (ITU-T V.250 clauses 5.2 to 5.4, 3GPP TS 27.007 clause 4).

Basic commands follow each other with nothing between them (``ATE0V1S0=0&C1``). Extended ones start with ``+`` or a
maker's own sign and end at a semicolon. ``D`` takes all the rest of the line. Spaces mean nothing outside quotes, and
quotes protect everything but ``\\hh``, which stands for the character with that hexadecimal code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from harness.errors import AtSyntaxError

__all__ = ["Argument", "Command", "Form", "parse_line"]


class Form(Enum):
    """What is asked of a command: do it, set it, read it, tell what it can."""

    EXEC = ""
    SET = "="
    READ = "?"
    TEST = "=?"


_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,16}")
_ESCAPE = re.compile(r"\\([0-9A-Fa-f]{2})")
_BASIC = re.compile(r"([&\\%]?[A-Za-z]) *([0-9]{0,9})")
_S_PARAMETER = re.compile(r"[Ss] *([0-9]{1,3}) *(=\? *(?=;|$)|\?|= *([0-9]{0,9}))?")
_EXTENDED = re.compile(r"([+#*^$%!@_-]) *([A-Za-z][A-Za-z0-9!%\-./:_]*)")
_MAKERS_ONE_LETTER = re.compile(r"[%\\&][A-Za-z](?![A-Za-z])")
_PIECES = re.compile(r'"[^"]*"|[^",;]+|[,;]|"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a command.

    Attributes:
        text: the value, without quotes and with ``\\hh`` escapes resolved.
        quoted: whether it was a string constant.
        raw: what stood between the quotes, or the value itself, as it was typed.
    """

    text: str
    quoted: bool = False
    raw: str = ""

    def number(self, base: int = 10) -> int:
        """Return the value as a whole number.

        Raises:
            AtSyntaxError: it is a string constant or no number of at most 18 digits.
        """
        pattern = _NUMBER if base == 10 else _HEXADECIMAL
        if self.quoted or pattern.fullmatch(self.text) is None:
            raise AtSyntaxError(f"{self.text[:40]!r} is not a number (ITU-T V.250 clause 5.4.2.1)")
        try:
            return int(self.text, base)
        except ValueError:
            raise AtSyntaxError(f"{self.text!r} is not a number of base {base}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command of a line.

    Attributes:
        name: in capitals, with its sign: ``E``, ``&C``, ``S0``, ``D``, ``+CMGF``, ``#SGACT``.
        form: what is asked.
        arguments: values in order, None where one was left out between commas; the number behind a basic command, and
            the dial string of ``D``, are arguments too.

    >>> parse_line("ATE0+CNMI=2,,0")
    (Command(ATE0), Command(AT+CNMI=2,,0))
    """

    name: str
    form: Form = Form.EXEC
    arguments: tuple[Argument | None, ...] = ()

    def __repr__(self) -> str:
        values = ",".join(
            "" if argument is None else f'"{argument.raw}"' if argument.quoted else argument.text
            for argument in self.arguments
        )
        return f"Command(AT{self.name}{self.form.value}{values})"

    def argument(self, index: int) -> Argument | None:
        """Return argument number ``index`` from 0, None if it was left out or there are fewer."""
        return self.arguments[index] if index < len(self.arguments) else None

    def number(self, index: int, default: int | None = None) -> int | None:
        """Return argument ``index`` as a number, ``default`` if it was left out.

        Raises:
            AtSyntaxError: it is there and no number.
        """
        argument = self.argument(index)
        return default if argument is None else argument.number()

    def string(self, index: int, default: str | None = None) -> str | None:
        """Return the text of argument ``index``, ``default`` if it was left out; quotes are not required."""
        argument = self.argument(index)
        return default if argument is None else argument.text


def parse_line(text: str) -> tuple[Command, ...]:
    """Return the commands of a line that starts with ``AT`` and has no line terminator; none for a bare ``AT``.

    Raises:
        AtSyntaxError: the line, or any command on it, is outside the grammar.
    """
    if text[:2].upper() != "AT":
        raise AtSyntaxError(f"a command line starts with AT, not with {text[:10]!r} (ITU-T V.250 clause 5.2.1)")
    commands: list[Command] = []
    at = _skip(text, 2)
    separated = True
    while at < len(text):
        if text[at] == ";" and not separated:
            at = _skip(text, at + 1)
            separated = True
            continue
        command, at, extended = _one(text, at)
        commands.append(command)
        separated = False
        at = _skip(text, at)
        if extended and at < len(text) and text[at] != ";":
            raise AtSyntaxError(f"a semicolon must follow {command.name}, not {text[at : at + 10]!r}")
    return tuple(commands)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] == " ":
        at += 1
    return at


def _one(text: str, at: int) -> tuple[Command, int, bool]:
    """Return the command at ``at``, where it ends, and whether it is an extended one."""
    letter = text[at]
    if letter in "Dd":
        rest = text[at + 1 :].strip(" ")
        if not _printable(rest):
            raise AtSyntaxError("a dial string holds printable characters only (ITU-T V.250 clause 6.3.1)")
        return Command(name="D", arguments=(Argument(text=rest, raw=rest),) if rest else ()), len(text), False
    if letter in "Ss":
        return _s_parameter(text, at)
    if letter in "+#*^$!@_-" or (letter == "%" and not _MAKERS_ONE_LETTER.match(text, at)):
        return _extended(text, at)
    match = _BASIC.match(text, at)
    if match is None:
        raise AtSyntaxError(f"no command starts with {text[at : at + 10]!r} (ITU-T V.250 clause 5.3)")
    name, number = match.group(1).upper(), match.group(2)
    end = match.end()
    if not number:
        end = match.end(1)
    form = Form.EXEC
    sign = _skip(text, end)
    if not number and text.startswith("?", sign):
        form, end = Form.READ, sign + 1
    elif not number and text.startswith("=?", sign):
        form, end = Form.TEST, sign + 2
    arguments = (Argument(text=number, raw=number),) if number else ()
    return Command(name=name, form=form, arguments=arguments), end, False


def _s_parameter(text: str, at: int) -> tuple[Command, int, bool]:
    match = _S_PARAMETER.match(text, at)
    if match is None:
        raise AtSyntaxError(f"S needs a number, not {text[at : at + 10]!r} (ITU-T V.250 clause 5.3.2)")
    tail, value = match.group(2) or "", match.group(3)
    name = f"S{int(match.group(1))}"
    if tail.startswith("=?"):
        return Command(name=name, form=Form.TEST), match.end(), False
    if tail.startswith("="):
        arguments = (Argument(text=value, raw=value),) if value else (None,)
        return Command(name=name, form=Form.SET, arguments=arguments), match.end(), False
    return Command(name=name, form=Form.READ if tail else Form.EXEC), match.end(), False


def _extended(text: str, at: int) -> tuple[Command, int, bool]:
    match = _EXTENDED.match(text, at)
    if match is None:
        raise AtSyntaxError(f"{text[at : at + 10]!r} is no command name (ITU-T V.250 clause 5.4.1)")
    name = f"{match.group(1)}{match.group(2)}".upper()
    at = _skip(text, match.end())
    sign = text[at : at + 1]
    if sign == "?":
        return Command(name=name, form=Form.READ), at + 1, True
    if sign != "=":
        return Command(name=name), at, True
    after = _skip(text, at + 1)
    if text[after : after + 1] == "?":
        end = _skip(text, after + 1)
        if end == len(text) or text[end] == ";":
            return Command(name=name, form=Form.TEST), end, True
    arguments, end = _arguments(text, at + 1)
    return Command(name=name, form=Form.SET, arguments=arguments), end, True


def _arguments(text: str, at: int) -> tuple[tuple[Argument | None, ...], int]:
    """Return the values between commas from ``at`` on, and where the command ends."""
    values: list[Argument | None] = []
    current: Argument | None = None
    while at < len(text):
        match = _PIECES.match(text, at)
        piece = match.group() if match else ""
        if piece == ";":
            break
        at += len(piece)
        if piece == ",":
            values.append(current)
            current = None
        elif piece.strip(" "):
            if current is not None:
                raise AtSyntaxError(f"a comma must stand before {piece[:10]!r} (ITU-T V.250 clause 5.4.2)")
            current = _value(piece)
    values.append(current)
    return tuple(values), at


def _value(piece: str) -> Argument:
    if piece[0] != '"':
        value = piece.strip(" ")
        if not _printable(value):
            raise AtSyntaxError("a value outside quotes holds printable ASCII characters only")
        return Argument(text=value, raw=value)
    if len(piece) < 2:
        raise AtSyntaxError("a string constant has no closing quote (ITU-T V.250 clause 5.4.2.2)")
    raw = piece[1:-1]
    text = _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), raw) if "\\" in raw else raw
    return Argument(text=text, quoted=True, raw=raw)


def _printable(text: str) -> bool:
    return text.isascii() and (not text or text.isprintable())
