"""A fault as somebody describes it: a kind, its parameters, and a selector. Pure; the same keys everywhere.

The keys of a selector:

=========  ============================================================================================================
``modem``  name of the modem; any if absent
``on``     a command as it begins (``AT+CMGS``), or a regular expression between slashes
``urc``    an unsolicited result as it begins, or a regular expression between slashes
``nth``    only the n-th that fits, from 1; with ``sticky``, all from there on
``at``     instant of the world (``"12s"``); together with the others, not before
``in``     the same, counted from now
``repeat`` a fault that acts by itself does so again and again, so long after another
``when``   states that must hold: ``{registered = true}``
``times``  how often it strikes; once if absent, and without end if ``sticky``, with ``p`` or with ``repeat``
``p``      probability with which it strikes
``lasting`` how long it stays in the plan
``seed``   of its own chance, whatever the world's
=========  ============================================================================================================
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.clock import NANOSECONDS, to_ns
from harness.errors import UsageError
from harness.virtual.faults.kinds import CONDITIONS, KINDS, Kind, Mode
from harness.virtual.faults.parameters import REQUIRED, Quantity, Value

SELECTOR_KEYS: Final = ("kind", "modem", "on", "urc", "nth", "at", "in", "repeat", "when", "times", "sticky", "p",
                        "lasting", "seed")
_LONGEST_PATTERN: Final = 256


class Pattern:
    """What a command or an unsolicited result must look like.

        >>> Pattern("AT+CMGS").matches('AT+CMGS="000"'), Pattern("AT+CMG").matches("AT+CMGS=1")
        (True, False)
        >>> Pattern("/CMG[SW]/").matches("AT+CMGW"), Pattern("AT").matches("AT+CSQ")
        (True, False)
    """

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            UsageError: it is empty, too long, or no regular expression.
        """
        if not text or len(text) > _LONGEST_PATTERN:
            raise UsageError(f"a command has 1 to {_LONGEST_PATTERN} characters")
        self.text = text
        source = text[1:-1] if len(text) > 2 and text[0] == text[-1] == "/" else None
        if source is None:
            # a name ends where its letters end: AT+CMG is not AT+CMGS, and AT alone is not every command
            end = r"\Z" if text.upper() == "AT" else r"(?![A-Za-z0-9])" if text[-1].isalnum() else ""
            source = rf"\A(?:AT)?{re.escape(text)}{end}"
        try:
            self._pattern = re.compile(source, re.IGNORECASE)
        except re.error as problem:
            raise UsageError(f"no regular expression: {problem}") from None

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def matches(self, text: str) -> bool:
        """Tell whether a command or an unsolicited result is of this form."""
        return self._pattern.search(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """A fault as it was described, checked.

    Attributes:
        parameters: every parameter of the kind, by name.
        at: instant of the world in nanoseconds, or None.
        delay: nanoseconds from when it joins a plan, or None.
        repeat: nanoseconds from one strike to the next, or None.
        times: how often it strikes; None: without end.
        lasting: nanoseconds it stays in the plan, or None.
        seed: of its own chance; the world's, and its place in the plan, if None.
    """

    kind: Kind
    parameters: Mapping[str, Value] = field(default_factory=dict)
    modem: str | None = None
    on: Pattern | None = None
    urc: Pattern | None = None
    nth: int | None = None
    at: int | None = None
    delay: int | None = None
    repeat: int | None = None
    when: Mapping[str, bool] = field(default_factory=dict)
    times: int | None = 1
    p: float = 1.0
    lasting: int | None = None
    seed: int | None = None

    def duration(self, name: str) -> int | None:
        """Return a parameter that is a duration in nanoseconds, None where it has no value."""
        value = self.parameters[name]
        return value if isinstance(value, int) else None

    def number(self, name: str) -> int:
        """Return a parameter that is a number or a duration, 0 where it has no value."""
        value = self.parameters[name]
        return int(value) if isinstance(value, int | float) else 0

    def share(self, name: str) -> float:
        """Return a parameter from 0 to 1."""
        value = self.parameters[name]
        return float(value) if isinstance(value, int | float) else 0.0

    def text(self, name: str) -> str:
        """Return a parameter that is a text, empty where it has no value."""
        value = self.parameters[name]
        return value if isinstance(value, str) else ""

    def flag(self, name: str) -> bool:
        """Return a parameter that is true or false."""
        return bool(self.parameters[name])

    def describe(self) -> dict[str, object]:
        """Return it as it would be written in JSON, durations in words."""
        shown: dict[str, object] = {"kind": self.kind.name}
        for key, value in (("modem", self.modem), ("on", self.on and self.on.text), ("urc", self.urc and self.urc.text),
                           ("nth", self.nth), ("at", _spell(self.at)), ("in", _spell(self.delay)),
                           ("repeat", _spell(self.repeat)),
                           ("when", dict(self.when) or None), ("lasting", _spell(self.lasting)), ("seed", self.seed)):
            if value is not None:
                shown[key] = value
        if self.times is None:
            shown["sticky"] = True
        elif self.times != 1:
            shown["times"] = self.times
        if self.p < 1:
            shown["p"] = self.p
        for parameter in self.kind.parameters:
            value = self.parameters[parameter.name]
            if value is not None:
                shown[parameter.name] = _spell(value) if parameter.quantity is Quantity.DURATION else (
                    [[_spell(instant), dbm] for instant, dbm in value] if isinstance(value, tuple) else value)
        return shown


def parse_fault(described: Mapping[str, object]) -> FaultSpec:
    """Return the fault that keys and values describe.

    Raises:
        UsageError: what is wrong; the message begins with the key.
    """
    name = described.get("kind")
    kind = KINDS.get(str(name)) if isinstance(name, str) else None
    if kind is None:
        raise UsageError(f"kind: no such kind of fault: {name!r}{guess(str(name), KINDS)}; see 'mvh fault kinds'")
    allowed = [*SELECTOR_KEYS, *(parameter.name for parameter in kind.parameters)]
    for key in described:
        if key not in allowed:
            raise UsageError(f"{key}: no such key of a fault of kind {kind.name!r}{guess(key, allowed)}; it takes "
                             f"{', '.join(parameter.name for parameter in kind.parameters) or 'no parameters'}, and "
                             f"{', '.join(SELECTOR_KEYS[1:])}")
    parameters: dict[str, Value] = {}
    for parameter in kind.parameters:
        default = parameter.default
        if parameter.name not in described and default is REQUIRED:
            raise UsageError(f"{parameter.name}: a fault of kind {kind.name!r} needs it: {parameter.about}")
        parameters[parameter.name] = parameter.read(described.get(parameter.name, default))
    spec = _select(kind, parameters, described)
    _check_sense(spec)
    return spec


def _select(kind: Kind, parameters: Mapping[str, Value], described: Mapping[str, object]) -> FaultSpec:
    p = _probability(described.get("p"))
    sticky = described.get("sticky", False)
    if not isinstance(sticky, bool):
        raise UsageError(f"sticky: must be true or false, not {sticky!r}")
    if sticky and described.get("times") is not None:
        raise UsageError("times: a sticky fault strikes without end; give one of 'times' and 'sticky'")
    times = _whole("times", described.get("times"))
    repeat, when = _span("repeat", described.get("repeat")), _conditions(described.get("when"))
    aimed = any(described.get(key) is not None for key in ("on", "urc")) or bool(when) or repeat is not None
    if kind.state and not aimed:
        when, aimed = {kind.state: True}, True
    if kind.mode is Mode.ACT and not aimed:
        for key, given in (("times", times not in (None, 1)), ("sticky", sticky)):
            if given:
                raise UsageError(f"{key}: a fault of kind {kind.name!r} acts by itself, and once: give one of 'on', "
                                 f"'urc', 'when' and 'repeat' to let it strike again")
        times = 1
    endless = sticky or p < 1 or repeat is not None
    return FaultSpec(
        kind=kind, parameters=parameters, modem=_name(described.get("modem")),
        on=_pattern("on", described.get("on")), urc=_pattern("urc", described.get("urc")),
        nth=_whole("nth", described.get("nth")), at=_span("at", described.get("at")),
        delay=_span("in", described.get("in")), repeat=repeat, when=when, p=p,
        times=times if times is not None else None if endless else 1,
        lasting=_span("lasting", described.get("lasting")), seed=_whole("seed", described.get("seed"), least=0))


def _check_sense(spec: FaultSpec) -> None:
    kind = spec.kind
    if spec.on is not None and spec.urc is not None:
        raise UsageError("urc: a fault strikes a command or an unsolicited result: give one of 'on' and 'urc'")
    if spec.at is not None and spec.delay is not None:
        raise UsageError("in: give one of 'at' and 'in'")
    if spec.urc is not None and kind.mode is Mode.LINE and not kind.urcs:
        raise UsageError(f"urc: a fault of kind {kind.name!r} strikes commands only")
    if spec.urc is not None and kind.parameter("point") is not None and spec.text("point") != "response":
        raise UsageError("point: an unsolicited result is all response")
    if kind.mode is Mode.ACT and spec.nth is not None and spec.on is None and spec.urc is None:
        raise UsageError(f"nth: a fault of kind {kind.name!r} needs 'on' or 'urc' to count")
    if spec.repeat is not None:
        if kind.mode is not Mode.ACT or spec.on is not None or spec.urc is not None:
            raise UsageError("repeat: only a fault that acts by itself repeats; others are 'sticky'")
        if not spec.repeat:
            raise UsageError("repeat: must be longer than 0")
    if kind.name == "jitter" and spec.number("low") > spec.number("high"):
        raise UsageError("high: must not be less than 'low'")
    if kind.name == "urc-storm" and not spec.number("every"):
        raise UsageError("every: must be longer than 0")


def _name(given: object) -> str | None:
    if given is not None and (not isinstance(given, str) or not given):
        raise UsageError(f"modem: must be the name of a modem, not {given!r}")
    return given if isinstance(given, str) else None


def _pattern(key: str, given: object) -> Pattern | None:
    if given is None:
        return None
    if not isinstance(given, str):
        raise UsageError(f"{key}: must be a text, not {given!r}")
    try:
        return Pattern(given)
    except UsageError as problem:
        raise UsageError(f"{key}: {problem}") from None


def _whole(key: str, given: object, *, least: int = 1) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= 1_000_000:
        raise UsageError(f"{key}: must be a whole number from {least} to 1000000, not {given!r}")
    return given


def _span(key: str, given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise UsageError(f"{key}: must be a duration such as '250ms' or '10s', not {given!r}")
    try:
        return to_ns(given)
    except UsageError as problem:
        raise UsageError(f"{key}: {problem}") from None


def _probability(given: object) -> float:
    if given is None:
        return 1.0
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise UsageError(f"p: must be a probability from 0 to 1, not {given!r}")
    return float(given)


def _conditions(given: object) -> Mapping[str, bool]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"when: must be states such as {{registered = true}}, not {given!r}")
    for name, value in given.items():
        if name not in CONDITIONS:
            raise UsageError(f"when: no such state: {name!r}{guess(str(name), CONDITIONS)}; there are "
                             f"{', '.join(CONDITIONS)}")
        if not isinstance(value, bool):
            raise UsageError(f"when: {name} must be true or false, not {value!r}")
    return dict(given)


def guess(word: str, known: Iterable[str]) -> str:
    """Return the known word that somebody may have meant, as a question; empty if none is near."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _spell(span: object) -> object:
    if not isinstance(span, int) or isinstance(span, bool):
        return span
    for unit, size in (("s", NANOSECONDS), ("ms", 1_000_000), ("us", 1_000)):
        if span % size == 0:
            return f"{span // size}{unit}"
    return f"{span}ns"
