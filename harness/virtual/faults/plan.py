"""The plan: which faults there are, which of them strike now, and what becomes of those that have struck.

Theory of operation. Modems and the network do what they do, and ask the plan at a few places: what strikes this command
(:meth:`FaultPlan.strike_command`), this unsolicited result, this datagram (:meth:`FaultPlan.strike_passing`). Faults
that *act* (:class:`~harness.virtual.faults.kinds.Mode`) are carried out by the modem or the network when the plan says
so: at once, at an instant, when a state begins to hold, or when a command comes by.

Each fault has a stream of chance of its own, named by its number or with a seed of its own, so the same plan with the
same seed strikes the same things. Everything that strikes is in the journal.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from harness.clock import NANOSECONDS, random_stream
from harness.errors import UsageError
from harness.journal import Entry, Fact, Plain
from harness.virtual.faults.fault import End, Fault, FaultyDevice, FaultyNetwork
from harness.virtual.faults.holds import Holds
from harness.virtual.faults.kinds import Mode, Room
from harness.virtual.faults.spec import FaultSpec
from harness.virtual.world import World

MAX_FAULTS: Final = 1_000
_TELLING: Final = frozenset({"modem", "network"})
"""Sources of journal entries that may mean that a state has changed."""


class FaultPlan:
    """The faults of one world.

    Methods are called in a turn of the world; :meth:`add`, :meth:`remove` and :attr:`all` take their own.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._faults: dict[int, Fault] = {}
        self._numbers = itertools.count(1)
        self._devices: list[FaultyDevice] = []
        self._network: FaultyNetwork | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._looking = False
        self._asking = False
        self._holds = Holds(self._carry_out, self._lasts, self._place)
        self._unstruck: deque[Fault] = deque(maxlen=MAX_FAULTS)

    def __repr__(self) -> str:
        return f"FaultPlan({len(self._faults)} faults)"

    # -- who can be struck --------------------------------------------------------------------------------------------

    def connect_device(self, device: FaultyDevice) -> None:
        """Let faults strike this modem."""
        self._devices.append(device)

    def connect_network(self, network: FaultyNetwork) -> None:
        """Let faults strike this network."""
        self._network = network

    # -- what is in the plan ------------------------------------------------------------------------------------------

    @property
    def all(self) -> tuple[Fault, ...]:
        """The faults in the plan, oldest first; those that can't strike any more stay while what they did lasts."""
        with self.world.turn():
            return tuple(self._faults.values())

    @property
    def unstruck(self) -> tuple[Fault, ...]:
        """The faults that have not struck, oldest first: those in the plan, and those that left it so."""
        with self.world.turn():
            return (*self._unstruck, *(fault for fault in self._faults.values() if not fault.struck))

    def add(self, spec: FaultSpec) -> Fault:
        """Put a fault into the plan; one that acts and has no selector strikes at once.

        Raises:
            UsageError: there is no such modem, or there are too many faults.
        """
        with self.world.turn():
            self.check(spec)
            number = next(self._numbers)
            chance = self.world.random(f"fault.{number}")
            if spec.seed is not None:
                chance = random_stream(spec.seed, spec.kind.name)
            fault = Fault(number, spec, chance, self)
            fault.at = spec.at if spec.delay is None else self.world.now() + spec.delay
            self._faults[number] = fault
            self._record("fault_set", fault, spec=_plain({key: value for key, value in spec.describe().items()
                                                          if key not in ("kind", "modem")}))
            self._arm(fault)
            self._changed()
            return fault

    def tell_unstruck(self) -> None:
        """Write into the journal which faults have not struck."""
        for fault in self.unstruck:
            self._record("fault_never_struck", fault, seen=fault.seen)

    def __contains__(self, fault: Fault) -> bool:
        return fault.number in self._faults

    def check(self, spec: FaultSpec) -> None:
        """Tell whether a fault could be set now.

        Raises:
            UsageError: there is no such modem, its time has passed, or there are too many faults.
        """
        with self.world.turn():
            if spec.modem is not None and spec.modem not in [device.name for device in self._devices]:
                names = ", ".join(device.name for device in self._devices) or "none"
                raise UsageError(f"modem: there is no modem {spec.modem!r}: there are {names}")
            if len(self._faults) >= MAX_FAULTS:
                raise UsageError(f"there are {MAX_FAULTS} faults already: remove some")
            if spec.at is not None and spec.at < self.world.now() and _acts_by_itself(spec) and not spec.when:
                raise UsageError(f"at: {spec.at / NANOSECONDS:g} s has passed: it is "
                                 f"{self.world.now() / NANOSECONDS:g} s; write 'in' for a time from now")

    def remove(self, number: int | None = None) -> int:
        """Take one fault, or all, out of the plan and undo what can be undone; return how many there were."""
        with self.world.turn():
            gone = [fault for fault in self._faults.values() if number in (None, fault.number)]
            for fault in gone:
                self._record("fault_removed", fault)
                self._drop(fault)
            return len(gone)

    def _arm(self, fault: Fault) -> None:
        spec, world = fault.spec, self.world
        if spec.lasting is not None:
            begin = max(world.now(), fault.at or 0)
            fault.events.append(world.call_at(begin + spec.lasting, partial(self._expired, fault), name="fault"))
        standing = spec.kind.mode is Mode.STANDING
        if not _acts_by_itself(spec) and not standing:
            return
        if spec.repeat is not None:
            begin = max(world.now(), fault.at if fault.at is not None else world.now())
            fault.events.append(world.call_at(begin, partial(self._repeat, fault), name="fault"))
        elif spec.when:
            if self._unsubscribe is None:
                self._unsubscribe = world.journal.subscribe(self._told)
            if fault.at is not None:
                fault.events.append(world.call_at(fault.at, self.changed, name="fault"))
            self.changed()
        elif standing:
            fault.events.append(world.call_at(max(world.now(), fault.at or 0), self._ask_network, name="fault"))
        elif fault.at is not None and fault.at > world.now():
            fault.events.append(world.call_at(fault.at, partial(self._fire_everywhere, fault), name="fault"))
        else:
            self._fire_everywhere(fault)

    def _repeat(self, fault: Fault) -> None:
        """Strike, and again after a while."""
        assert fault.spec.repeat is not None
        fault.events = [event for event in fault.events if event.pending]
        fault.events.append(self.world.call_later(f"{fault.spec.repeat}ns", partial(self._repeat, fault), name="fault"))
        targets = [device for device in self._targets(fault) if self._in_state(fault, device)]
        fault.seen += bool(targets)
        if targets and self._draw(fault):
            self._used(fault)
            for device in targets:
                self._fire(fault, device)
        if fault.left == 0:
            fault.events.pop().cancel()

    def _expired(self, fault: Fault) -> None:
        if fault.number in self._faults:
            self._record("fault_expired", fault)
            self._drop(fault)

    def _drop(self, fault: Fault) -> None:
        if self._faults.pop(fault.number, None) is not None and not fault.struck:
            self._unstruck.append(fault)
        for event in fault.events:
            event.cancel()
        while fault.ends:
            fault.ends.pop()()
        if self._unsubscribe is not None and not any(other.spec.when for other in self._faults.values()):
            self._unsubscribe()
            self._unsubscribe = None
        self._changed()

    def _changed(self) -> None:
        for device in self._devices:
            device.faults_changed()

    # -- states -------------------------------------------------------------------------------------------------------

    def _told(self, entry: Entry) -> None:
        if entry.source in _TELLING:  # these are written in a turn of the world
            self.changed()

    def changed(self) -> None:
        """Look, as soon as this turn is over, whether states that faults wait for hold now."""
        if not self._looking and any(fault.spec.when for fault in self._faults.values()):
            self._looking = True
            self.world.call_later(0, self._look, name="fault")

    def _look(self) -> None:
        self._looking = False
        if any(fault.spec.when and fault.spec.kind.mode is Mode.STANDING for fault in self._faults.values()):
            self._asked()
        self._strike_all(self._begun())

    def begins(self, condition: str) -> bool:
        """A state has begun that may not last: return whether a fault waited for it; it strikes behind this turn."""
        begun = self._begun(condition)
        if begun:
            self.world.call_later(0, partial(self._strike_all, begun), name="fault")
        return bool(begun)

    def _begun(self, condition: str = "") -> list[tuple[Fault, list[FaultyDevice]]]:
        """Return the faults whose states have begun to hold, and for whom; ``condition`` has begun anew."""
        begun = []
        for fault in self._faults.values():
            spec = fault.spec
            if not spec.when or spec.repeat is not None or not _acts_by_itself(spec) or (
                    fault.at is not None and self.world.now() < fault.at):
                continue
            holding = [device for device in self._targets(fault) if self._in_state(fault, device)]
            held = fault.holding and not spec.when.get(condition)
            fault.holding = bool(holding)
            if holding and not held:
                begun.append((fault, holding))
        return begun

    def _strike_all(self, begun: list[tuple[Fault, list[FaultyDevice]]]) -> None:
        for fault, devices in begun:
            if fault.number not in self._faults:
                continue
            fault.seen += 1
            if self._draw(fault):
                self._used(fault)
                for device in devices:
                    self._fire(fault, device)

    def _targets(self, fault: Fault) -> list[FaultyDevice]:
        return [device for device in self._devices if fault.spec.modem in (None, device.name)]

    @staticmethod
    def _in_state(fault: Fault, device: FaultyDevice) -> bool:
        return all(device.holds(condition) is wanted for condition, wanted in fault.spec.when.items())

    # -- what strikes -------------------------------------------------------------------------------------------------

    def touches(self, device: FaultyDevice) -> bool:
        """Tell whether any fault in the plan waits for something that a modem hears or says."""
        return any(fault.spec.modem in (None, device.name) and (
            fault.spec.urc is not None or fault.spec.on is not None or fault.spec.kind.mode is Mode.LINE)
            for fault in self._faults.values())

    def strike_command(self, device: FaultyDevice, text: str) -> list[Fault]:
        """Return the faults that strike a command, in the order of the plan; what passes is only armed by it."""
        struck = []
        for fault in tuple(self._faults.values()):
            spec = fault.spec
            if spec.urc is not None or (spec.on is None and spec.kind.mode is not Mode.LINE):
                continue
            if (spec.on is not None and not spec.on.matches(text)) or not self._fits(fault, device):
                continue
            if not self._counts(fault):
                continue
            if spec.kind.mode in (Mode.PASSING, Mode.STANDING):
                fault.armed += 1
                continue
            self._strikes(fault, device, command=text)
            struck.append(fault)
        return struck

    def strike_urc(self, device: FaultyDevice, text: str) -> list[Fault]:
        """Return the faults that strike an unsolicited result."""
        struck = []
        for fault in tuple(self._faults.values()):
            spec = fault.spec
            if spec.urc is None or not spec.urc.matches(text) or not self._fits(fault, device):
                continue
            if self._counts(fault):
                if spec.kind.mode in (Mode.PASSING, Mode.STANDING):
                    fault.armed += 1
                    continue
                self._strikes(fault, device, urc=text)
                struck.append(fault)
        return struck

    def strike_passing(self, kind: str, device: FaultyDevice, *, fits: Callable[[Fault], bool] | None = None,
                       **facts: Fact) -> Fault | None:
        """Return the first fault of a kind that strikes what passes, None if none does.

        Args:
            fits: whether the fault's parameters concern what passes.
            facts: what the journal shall tell of it.
        """
        for fault in tuple(self._faults.values()):
            spec = fault.spec
            if spec.kind.name != kind or not self._fits(fault, device) or (fits is not None and not fits(fault)):
                continue
            if spec.on is not None or spec.urc is not None:  # counted when the command came
                if not fault.armed:
                    continue
                fault.armed -= 1
            elif not self._counts(fault):
                continue
            self._strikes(fault, device, **facts)
            return fault
        return None

    def strike_sim(self, kind: str, iccid: str, *, fits: Callable[[Fault], bool] | None = None,
                   **facts: Fact) -> Fault | None:
        """Return what :meth:`strike_passing` does, for the modem that holds a SIM card."""
        if not any(fault.spec.kind.name == kind for fault in self._faults.values()):
            return None
        device = next((device for device in self._devices if device.iccid == iccid), None)
        return self.strike_passing(kind, device, fits=fits, **facts) if device is not None else None

    def strike_standing(self, kind: str, iccid: str, met: dict[int, bool], *, fits: Callable[[Fault], bool],
                        is_due: Callable[[Fault], bool], passing: bool = True, **facts: Fact) -> Fault | None:
        """Return the first fault of a kind that strikes something that lasts, None if none does.

        Such a thing meets each fault once, and counts for it once; it is struck as soon as it is due then. Whoever
        gets a fault carries it out and calls :meth:`settle`.

        Args:
            met: of this thing: whether the faults that it met strike it. Kept by the caller.
            fits: whether the fault's parameters concern the thing.
            is_due: whether it is time.
            passing: whether something happens to it now; a fault that a command let loose waits for that.
        """
        if not any(fault.spec.kind.name == kind for fault in self._faults.values()):
            return None
        device = next((device for device in self._devices if device.iccid == iccid), None)
        for fault in tuple(self._faults.values()):
            spec = fault.spec
            if device is None or spec.kind.name != kind or not fits(fault) or not self._fits(fault, device):
                continue
            if fault.number not in met:
                if spec.on is None and spec.urc is None:
                    met[fault.number] = self._counts(fault)
                elif fault.armed and passing:
                    fault.armed -= 1
                    met[fault.number] = True
            if met.get(fault.number, False) and is_due(fault):
                if spec.on is None and spec.urc is None:
                    met[fault.number] = False
                else:  # the next command may strike it again
                    del met[fault.number]
                self._record("fault_injected", fault, device=device.name, **facts)
                fault.struck += 1
                return fault
        return None

    def settle(self, fault: Fault, end: End | None) -> End | None:
        """Let what a standing fault did be undone in time; return what undoes it before."""
        undo = self._lasts(fault, end) if end is not None else None
        self.retire(fault)
        return undo

    def act(self, fault: Fault, device: FaultyDevice) -> None:
        """Carry out a fault that struck a command or an unsolicited result, unless it was removed since."""
        if fault in self:
            self._inject(fault, device)

    def _ask_network(self) -> None:
        """Let the network look, as soon as this turn is over, what strikes the things that last."""
        if not self._asking and self._network is not None:
            self._asking = True
            self.world.call_later(0, self._asked, name="fault")

    def _asked(self) -> None:
        self._asking = False
        if self._network is not None:
            self._network.look()

    def _fits(self, fault: Fault, device: FaultyDevice) -> bool:
        spec = fault.spec
        return spec.modem in (None, device.name) and fault.left != 0 and (
            fault.at is None or self.world.now() >= fault.at) and (not spec.when or self._in_state(fault, device))

    def _counts(self, fault: Fault) -> bool:
        """Count something that fits, and tell whether it is one that the fault strikes."""
        fault.seen += 1
        nth = fault.spec.nth
        if nth is not None and (fault.seen < nth or (fault.spec.times == 1 and fault.seen != nth)):
            return False
        return self._draw(fault)

    @staticmethod
    def _draw(fault: Fault) -> bool:
        if fault.left == 0:
            return False
        return fault.spec.p >= 1 or fault.chance.random() < fault.spec.p

    def _strikes(self, fault: Fault, device: FaultyDevice, **facts: Fact) -> None:
        self._record("fault_injected", fault, device=device.name, **facts)
        self._used(fault)

    def _used(self, fault: Fault) -> None:
        fault.struck += 1
        kind = fault.spec.kind
        if fault.left == 0 and kind.mode is not Mode.ACT and not kind.lingers:  # those may have something to undo
            self._drop(fault)

    # -- carrying out -------------------------------------------------------------------------------------------------

    def _fire_everywhere(self, fault: Fault) -> None:
        fault.seen += 1
        if self._draw(fault):
            self._used(fault)
            for device in self._targets(fault):
                self._fire(fault, device)
        else:
            self._record("fault_passed_by", fault)  # by chance
            self._drop(fault)

    def _fire(self, fault: Fault, device: FaultyDevice) -> None:
        self._record("fault_injected", fault, device=device.name)
        self._inject(fault, device)

    def _inject(self, fault: Fault, device: FaultyDevice) -> None:
        end = self._carry_out(fault, device)
        if fault.spec.kind.holds:
            self._holds.take(fault, device, end)
        elif end is not None:
            self._lasts(fault, end)
        self.retire(fault)

    def _carry_out(self, fault: Fault, device: FaultyDevice) -> End | None:
        if fault.spec.kind.room is Room.MODEM:
            return device.inject(fault)
        return self._network.inject(fault, device.iccid) if self._network is not None else None

    def over(self, holds: str, device: FaultyDevice) -> None:
        """Something that faults hold has ended by itself."""
        self._holds.over(holds, device)

    def _place(self, holds: str, device: FaultyDevice) -> str:
        if holds.startswith("network.") and self._network is not None:
            return self._network.shared(holds, device.iccid)
        return device.name

    def retire(self, fault: Fault) -> None:
        """Take a fault out of the plan that can't strike any more and has nothing to undo."""
        if fault.left == 0 and not fault.ends and fault.number in self._faults:
            self._drop(fault)

    def _lasts(self, fault: Fault, end: End) -> End:
        """Undo what a fault did when its span is over, when it leaves the plan, or when what is returned is called."""
        over = False

        def undo() -> None:
            nonlocal over
            if not over:
                over = True
                if undo in fault.ends:
                    fault.ends.remove(undo)
                self._record("fault_ended", fault)
                end()
                self.retire(fault)

        fault.ends.append(undo)
        span = fault.spec.duration("span") if fault.spec.kind.parameter("span") is not None else None
        if span is not None:
            fault.events = [event for event in fault.events if event.pending]
            fault.events.append(self.world.call_later(f"{span}ns", undo, name="fault"))
        return undo

    def _record(self, event: str, fault: Fault, *, device: str = "", **facts: Fact) -> None:
        self.world.journal.record("fault", event, device=device or fault.spec.modem or "", t=None, fault=fault.number,
                                  kind=fault.kind, **facts)


def _acts_by_itself(spec: FaultSpec) -> bool:
    """Tell whether a fault needs no command and no unsolicited result to strike."""
    return spec.kind.mode is Mode.ACT and spec.on is None and spec.urc is None


def _plain(value: object) -> Plain:
    """Return a value as the journal takes it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else str(value)
