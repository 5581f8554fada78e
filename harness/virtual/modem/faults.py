"""How a modem misbehaves: the faults of a plan, carried out on one module.

The plan says what strikes; here is what that means for the ports, the supply, the SIM card and the stores. The engine
asks at four places: when octets came (:meth:`ModemFaults.heard`), when a command line begins, when a command is
carried out (:meth:`ModemFaults.command`) and when a prompt takes data.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.errors import AtSyntaxError
from harness.formats.at import Command as Parsed
from harness.formats.at import parse_line
from harness.virtual.faults.fault import End, Fault
from harness.virtual.faults.kinds import Mode
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.modem import line_faults, module_faults
from harness.virtual.modem.command import OK, Reply, cme, cms
from harness.virtual.modem.command_strikes import CommandStrikes, Late
from harness.virtual.modem.line_faults import SETTLING, Effect, LineFaults
from harness.virtual.modem.output import Piece
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.engine import Session
    from harness.virtual.modem.modem import VirtualModem

_ECHO: Final = frozenset({"no-echo", "echo-loss"})


@dataclass(slots=True)
class _Port:
    """What faults have to do with one port."""

    session: Session
    line: LineFaults
    commands: deque[list[Fault]]  # of the line under way: what strikes each of its commands
    echo: bytearray  # typed and not yet echoed, because it may be of a line whose echo is struck
    payload: tuple[Fault, int] | None = None  # a fault that strikes after so many octets of data
    deaf: bool = False  # a fault has struck the prompt: what is typed there comes too late
    late: list[Late] = field(default_factory=list)  # results under way that faults put off
    early: bytearray | None = None  # typed before it is known whether a fault strikes the prompt


class ModemFaults:
    """The faults of one modem. Implements ``FaultyDevice``.

    Attributes:
        hung: whether the module hears and says nothing.
        watching: whether the engine has to ask at all; while it has not, faults cost nothing.
    """

    def __init__(self, modem: VirtualModem, plan: FaultPlan) -> None:
        self.hung = False
        self.watching = False
        self._modem = modem
        self._plan = plan
        self._ports: dict[Session, _Port] = {}
        self._tidying = False
        plan.connect_device(self)

    def __repr__(self) -> str:
        return f"ModemFaults({self._modem.name!r})"

    # -- FaultyDevice -------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The modem's name."""
        return self._modem.name

    @property
    def iccid(self) -> str:
        """The SIM card in the modem."""
        return self._modem.iccid

    def holds(self, condition: str) -> bool:
        """Tell whether a state holds."""
        return module_faults.holds(self._modem, condition)

    def inject(self, fault: Fault) -> End | None:
        """Carry out a fault that acts."""
        return module_faults.ACTS[fault.kind](self._modem, self, fault)

    def faults_changed(self) -> None:
        """Stand between ports and their output as long as faults may change what is said, and not longer."""
        if self.hung or self._plan.touches(self):
            self.watching = True
            for session in self._modem.sessions:
                self._port(session)
        elif self._ports and not self._tidying:  # not now: what changed may be a fault that strikes its last
            self._tidying = True
            self._modem.world.call_later(0, self._tidy, name="fault")

    def _tidy(self) -> None:
        self._tidying = False
        if not self.hung and not self._plan.touches(self):
            for session, port in tuple(self._ports.items()):
                if port.line.idle and not port.echo and port.payload is None and port.early is None:
                    self.release(session)
            self.watching = bool(self._ports)

    # -- ports --------------------------------------------------------------------------------------------------------

    def adopt(self, session: Session) -> None:
        """A port was added."""
        if self.hung or self._plan.touches(self):
            self._port(session).line.silent = self.hung

    def release(self, session: Session) -> None:
        """Stand no longer between a port and its output."""
        if (port := self._ports.pop(session, None)) is not None and session.output.tamper is port.line:
            session.output.tamper = None

    def lines(self) -> list[LineFaults]:
        """Return the tampers of all ports."""
        return [self._port(session).line for session in self._modem.sessions]

    def hang(self, hung: bool) -> None:
        """Let the module hear and say nothing, or let it live again."""
        self.hung = hung
        if hung:
            self.watching = True
            for line in self.lines():
                line.silent = True
        else:
            for port in self._ports.values():
                port.line.silent = False
            self.faults_changed()

    def powered_off(self) -> None:
        """Power off cures a module that hangs."""
        self.hang(False)
        self._plan.over("voice", self)

    def late_boot(self) -> int:
        """Return how many nanoseconds later than usual the boot sequence begins."""
        fault = self._plan.strike_passing("slow-boot", self)
        return fault.spec.number("by") if fault is not None else 0

    def strike(self, kind: str) -> Fault | None:
        """Return the fault of a PASSING kind that strikes now, None if none does."""
        return self._plan.strike_passing(kind, self)

    def reset(self, session: Session) -> None:
        """The power went: forget what was under way on a port."""
        if (port := self._ports.get(session)) is not None:
            port.line.reset()
            self._forget(port)
            port.echo.clear()
            port.payload = port.early = None
            port.deaf = False

    def _forget(self, port: _Port) -> None:
        """What was under way on a port is over: faults that waited for it with it."""
        late, port.late = port.late, []
        for each in late:
            each.drop()
        for fault in itertools.chain.from_iterable(port.commands):
            self._plan.retire(fault)
        port.commands.clear()

    def _port(self, session: Session) -> _Port:
        port = self._ports.get(session)
        if port is None:
            line = LineFaults(self._modem.world, session.output, self._urc_effects)
            port = self._ports[session] = _Port(session, line, deque(), bytearray())
            session.output.tamper = line
        return port

    # -- what the engine asks -----------------------------------------------------------------------------------------

    def heard(self, session: Session, line: str | None, typed: bytes) -> bytes:
        """Take what a client typed, and the command line that it completed if it did; return what to echo now."""
        port = self._port(session)
        if line is None:
            if any(fault.kind in _ECHO for fault in self._plan.all):
                port.echo += typed
                return b""
            return typed
        held, port.echo = bytes(port.echo), bytearray()
        port.line.begin()
        self._forget(port)
        port.payload = None
        port.deaf = False
        try:
            commands = parse_line(line)
        except AtSyntaxError:
            commands = ()
        texts = [spell(command) for command in commands] or ["AT"] * (line.strip().upper() == "AT")
        port.commands = deque(self._plan.strike_command(self, text) for text in texts)
        for struck in port.commands:
            for fault in struck:
                port.line.episode += self._effects(port, fault)
        return held + typed

    def prompted(self, session: Session) -> bool:
        """A prompt was opened; return whether a fault strikes it, before which nothing may be typed there."""
        return self._plan.begins("prompt")

    def keep_back(self, session: Session, typed: bytes) -> None:
        """Let what was typed at a prompt already wait until the faults had their turn, however fast it comes."""
        self.watching = True
        port = self._port(session)
        port.early = bytearray(typed)
        self._modem.world.call_later(0, partial(self._let_in, session, port), name="fault")

    def _let_in(self, session: Session, port: _Port) -> None:
        early, port.early = port.early, None
        if early:
            session.receive(bytes(early))
        self.faults_changed()

    def command(self, session: Session) -> CommandStrikes | None:
        """Return what strikes the next command of the line, None if nothing does."""
        port = self._ports.get(session)
        if port is None or not port.commands:
            return None
        strikes = CommandStrikes()
        spans = {}
        for fault in port.commands.popleft():
            self._strike(fault, strikes)
            if fault.spec.kind.lingers:
                spans[fault] = _lateness(fault)
        if spans:
            strikes.late = Late(self._modem.world, self._plan, spans, self._later)
            port.late.append(strikes.late)
        return strikes

    def _later(self, span: int, then: Callable[[], None]) -> Event:
        return self._modem.later(span, then, name="fault-late", scaled=False)

    def typed(self, session: Session, data: bytes) -> bytes:
        """Take data typed at a prompt; return what of it arrives."""
        port = self._ports.get(session)
        if port is not None and port.early is not None:
            port.early += data
            return b""
        if port is None or (port.payload is None and not port.deaf):
            return data
        if port.payload is None:
            return b""
        fault, left = port.payload
        if len(data) < left:
            port.payload = (fault, left - len(data))
            return data
        port.payload = None
        port.line.episode.append(line_faults.Silence())
        self._soon(fault, port)
        return data[:left]

    # -- what strikes a command ---------------------------------------------------------------------------------------

    @staticmethod
    def _strike(fault: Fault, strikes: CommandStrikes) -> None:
        spec = fault.spec
        if fault.kind == "error":
            strikes.instead = Reply(final="ERROR")
        elif fault.kind == "cme":
            strikes.instead = cme(spec.number("number"))
        elif fault.kind == "cms":
            strikes.instead = cms(spec.number("number"))
        elif fault.kind == "replace":
            lines = [line for line in spec.text("text").split("\n") if line]
            strikes.instead = Reply(lines=tuple(lines), final=spec.text("result"))
        elif (fault.kind == "never" and not spec.flag("execute")) or _at_command(fault):
            strikes.instead = OK

    def _effects(self, port: _Port, fault: Fault) -> list[Effect]:
        """Return what a fault that struck a command does to what the port says until the final result."""
        spec, kind = fault.spec, fault.spec.kind
        if kind.breaks or fault.kind == "reset-in-prompt":
            return self._break(port, fault)
        if fault.kind == "urc-first":
            port.line.hold_final(spec.number("limit"))
            return []
        if kind.lingers:
            return []
        if kind.mode is Mode.LINE:
            return self._line_effects(fault) if fault.kind != "replace" else []
        if fault.kind in ("urc", "urc-burst"):
            self._plan.retire(fault)
            return [line_faults.Insert(urc_octets(fault), spec.number("offset"), spec.text("part"))]
        self._soon(fault)
        return []

    @staticmethod
    def _line_effects(fault: Fault) -> list[Effect]:
        make = _EFFECTS.get(fault.kind)
        return [make(fault)] if make is not None else []

    def _break(self, port: _Port, fault: Fault) -> list[Effect]:
        """Return what lets octets through up to the point where a fault breaks in."""
        strikes = partial(self._soon, fault, port)
        point = "prompt" if fault.kind == "reset-in-prompt" else fault.spec.text("point")
        after = 0 if fault.kind == "reset-in-prompt" else fault.spec.number("after")
        if point == "command":
            strikes()
            return [line_faults.Mute()]
        if point == "prompt":
            def at_prompt() -> None:
                port.deaf = True
                strikes()

            return [line_faults.AtPrompt(at_prompt)]
        if point == "payload":
            port.payload = (fault, after)
            return []
        if fault.kind == "baud":  # the line goes on, at another speed
            return [_Then(after, strikes)]
        return [line_faults.Truncate(after, strikes)]

    def _soon(self, fault: Fault, port: _Port | None = None) -> None:
        """Carry out a fault as soon as what was said before is on the line, and let the port speak again then."""

        cycle = self._modem.power_cycle

        def act() -> None:
            if port is not None:
                port.line.episode = []
                port.deaf = False
            if cycle == self._modem.power_cycle:
                self._plan.act(fault, self)
            else:  # another fault was faster
                self._plan.retire(fault)

        self._modem.world.call_later(f"{SETTLING}ns", act, name="fault")

    def _speaking(self) -> LineFaults | None:
        """Return the line of the first port that is not taken by data: one unsolicited result is one, on all ports."""
        for session in self._modem.sessions:
            if session.state.name != "DATA" and session in self._ports:
                return self._ports[session].line
        return None

    # -- what strikes an unsolicited result ---------------------------------------------------------------------------

    def _urc_effects(self, line: LineFaults, data: bytes) -> list[Effect]:
        effects: list[Effect] = []
        if line is not self._speaking():
            return effects
        for fault in self._plan.strike_urc(self, data.decode("latin-1").strip("\r\n")):
            spec, kind = fault.spec, fault.spec.kind
            if kind.lingers:
                effects.append(line_faults.PutOff(_lateness(fault), line.say_later))
                self._plan.retire(fault)
            elif kind.breaks and fault.kind != "baud":
                effects.append(line_faults.Truncate(spec.number("after"), partial(self._soon, fault)))
            elif fault.kind in ("urc", "urc-burst"):
                self._plan.retire(fault)
                effects.append(line_faults.Insert(urc_octets(fault), spec.number("offset")))
            elif kind.mode is Mode.LINE:
                effects += self._line_effects(fault)
            else:
                self._soon(fault)
        return effects


class _Then(line_faults.OfResponse):
    """Calls ``then`` once when a number of octets was said, and lets all through."""

    def __init__(self, after: int, then: Callable[[], None]) -> None:
        self._left = after
        self._then: Callable[[], None] | None = then

    def response(self, piece: Piece) -> list[Piece]:
        self._left -= len(piece.data)
        if self._left <= 0:
            self.end(piece.t)
        return [piece]

    def end(self, t: int) -> list[Piece]:
        if self._then is not None:
            then, self._then = self._then, None
            then()
        return []


_EFFECTS: dict[str, Callable[[Fault], Effect]] = {
    "never": lambda fault: line_faults.Mute(),
    "truncate": lambda fault: line_faults.Truncate(fault.spec.number("after")),
    "replace": lambda fault: line_faults.Replace(urc_octets(fault)),
    "garble": lambda fault: line_faults.Garble(fault.spec.share("share"), fault.chance),
    "duplicate": lambda fault: line_faults.Duplicate(),
    "split": lambda fault: line_faults.Split(fault.spec.number("size"), fault.spec.number("gap")),
    "blank-lines": lambda fault: line_faults.BlankLines(fault.spec.number("count")),
    "no-echo": lambda fault: line_faults.NoEcho(),
    "echo-loss": lambda fault: line_faults.EchoLoss(
        None if fault.spec.parameters["position"] is None else fault.spec.number("position"), fault.chance),
    "prompt-late": lambda fault: line_faults.LatePrompt(fault.spec.number("by")),
    "prompt-missing": lambda fault: line_faults.OtherPrompt(missing=True),
    "prompt-bare": lambda fault: line_faults.OtherPrompt(missing=False),
}


def _lateness(fault: Fault) -> int:
    """Return how many nanoseconds later a fault lets something come."""
    spec = fault.spec
    return spec.number("by") if fault.kind == "delay" else fault.chance.randint(spec.number("low"), spec.number("high"))


def urc_octets(fault: Fault) -> bytes:
    """Return what a fault of kind ``urc`` or ``urc-burst`` says, as octets."""
    text = fault.spec.text("text").encode("latin-1")
    if "raw" in fault.spec.parameters and fault.spec.flag("raw"):
        return text
    text = text.replace(b"\n", b"\r\n")
    if fault.kind == "urc-burst":
        return (b"\r\n" + text + b"\r\n") * fault.spec.number("count")
    return b"\r\n" + text + b"\r\n"


def spell(command: Parsed) -> str:
    """Return a command as a line of its own would write it."""
    values = ",".join("" if argument is None else f'"{argument.raw}"' if argument.quoted else argument.text
                      for argument in command.arguments)
    return f"AT{command.name}{command.form.value}{values}"


def _at_command(fault: Fault) -> bool:
    return fault.spec.kind.breaks and fault.spec.text("point") == "command"
