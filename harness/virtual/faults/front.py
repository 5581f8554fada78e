"""Faults as tests write them: ``faults.on("AT+CMGS", nth=2).truncate(after=5)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.faults.fault import Fault
from harness.virtual.faults.kinds import KINDS
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.faults.spec import guess, parse_fault

Setter: TypeAlias = Callable[..., Fault]
"""Sets a fault of one kind: takes the kind's parameters, and ``times``, ``sticky``, ``p``, ``lasting``."""

_PREFIXES = ("sim", "network", "packet", "udp", "tcp", "dns", "sms")


class Selector:
    """What a fault shall strike. Selectors can be chained; the last word is the kind of fault.

    Kinds are called by their names, with their parameters: ``.truncate(after=5)``, ``.brown_out()``,
    ``.sms.duplicate(p=0.1)``, ``.tcp.reset(after=100)``. ``mvh fault kinds`` lists them.
    """

    def __init__(self, plan: FaultPlan, described: Mapping[str, object] | None = None, prefix: str = "") -> None:
        self._plan = plan
        self._described = dict(described or {})
        self._prefix = prefix

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._described!r})"

    def __dir__(self) -> list[str]:
        names = {name.removeprefix(self._prefix).replace("-", "_") for name in KINDS if name.startswith(self._prefix)}
        return sorted({*super().__dir__(), *names, *(_PREFIXES if not self._prefix else ())})

    def __getattr__(self, name: str) -> Setter:
        kind = self._prefix + name.replace("_", "-")
        if name.startswith("__") or kind not in KINDS:
            raise AttributeError(f"there is no kind of fault {kind!r}{guess(kind, KINDS)}: see 'mvh fault kinds'")

        def setter(*values: object, **given: object) -> Fault:
            return self._plan.add(parse_fault({**self._described, **_named(kind, values, given), "kind": kind}))

        setter.__name__ = name
        setter.__doc__ = KINDS[kind].about
        return setter

    def _with(self, **described: object) -> Selector:
        merged = {**self._described, **{key: value for key, value in described.items() if value is not None}}
        return Selector(self._plan, merged, self._prefix)

    # -- what to strike -----------------------------------------------------------------------------------------------

    def on(self, command: str | re.Pattern[str], *, nth: int | None = None, times: int | None = None,
           sticky: bool | None = None, p: float | None = None) -> Selector:
        """Strike a command as it begins (``AT+CMGS``), or by a regular expression, compiled or between slashes.

        Args:
            nth: only the n-th that fits.
            times: how often; once if nothing is said.
            sticky: without end.
            p: with this probability, without end.
        """
        return self._with(on=_written(command), nth=nth, times=times, sticky=sticky, p=p)

    def on_urc(self, text: str | re.Pattern[str], *, nth: int | None = None, times: int | None = None,
               sticky: bool | None = None, p: float | None = None) -> Selector:
        """Strike an unsolicited result as it begins (``+CMT:``) on the modem's first port; see :meth:`on`."""
        return self._with(urc=_written(text), nth=nth, times=times, sticky=sticky, p=p)

    def at(self, instant: Duration) -> Selector:
        """Strike at an instant of the rig's time, or not before it."""
        return self._with(at=f"{to_ns(instant)}ns")

    def after(self, span: Duration) -> Selector:
        """Strike so much later than now, or not before that."""
        return self._with(**{"in": f"{to_ns(span)}ns"})

    def every(self, span: Duration) -> Selector:
        """Strike at once, or at the instant that was named, and again after each span: service that flaps."""
        return self._with(repeat=f"{to_ns(span)}ns")

    def when(self, **states: bool) -> Selector:
        """Strike when states begin to hold, or only while they hold: ``registered=True``, ``prompt=True``."""
        return self._with(when=states)

    def on_modem(self, name: str) -> Selector:
        """Strike this modem only."""
        return self._with(modem=name)

    # -- the groups whose kinds have names of two words ---------------------------------------------------------------

    @property
    def sim(self) -> Selector:
        """Faults of the SIM card."""
        return Selector(self._plan, self._described, "sim-")

    @property
    def network(self) -> Selector:
        """Faults of the network."""
        return Selector(self._plan, self._described, "network-")

    @property
    def packet(self) -> Selector:
        """Faults of packet data."""
        return Selector(self._plan, self._described, "packet-")

    @property
    def udp(self) -> Selector:
        """Faults of datagrams."""
        return Selector(self._plan, self._described, "udp-")

    @property
    def tcp(self) -> Selector:
        """Faults of connections."""
        return Selector(self._plan, self._described, "tcp-")

    @property
    def dns(self) -> Selector:
        """Faults of names."""
        return Selector(self._plan, self._described, "dns-")

    @property
    def sms(self) -> Selector:
        """Faults of short messages."""
        return Selector(self._plan, self._described, "sms-")


def _named(kind: str, values: tuple[object, ...], given: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters of a kind by name, those included that were written without."""
    names = [parameter.name for parameter in KINDS[kind].parameters]
    if len(values) > len(names):
        raise UsageError(f"a fault of kind {kind!r} takes {len(names)} parameters ({', '.join(names) or 'none'}), not "
                         f"{len(values)}")
    named = dict(zip(names, values, strict=False))
    if twice := sorted(set(named) & set(given)):
        raise UsageError(f"{twice[0]}: given twice")
    return {**named, **given}


def _written(pattern: str | re.Pattern[str]) -> str:
    return pattern if isinstance(pattern, str) else f"/{pattern.pattern}/"


class Faults(Selector):
    """The faults of a rig: sets them, lists them, takes them away.

    Example::

        faults.on("AT+CMGS", nth=2).truncate(after=5)
        faults.at("12s").brown_out()
        faults.when(registered=True).network.lost(span="30s")
        faults.sms.duplicate(p=0.1)
    with faults.network.none():
        ...
    """

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._plan.all)

    def __len__(self) -> int:
        return len(self._plan.all)

    def set(self, described: Mapping[str, object]) -> Fault:
        """Set a fault that is described as in a rig file.

        Raises:
            UsageError: what is wrong; the message begins with the key.
        """
        return self._plan.add(parse_fault(described))

    def remove(self, fault: Fault | int) -> None:
        """Take a fault out of the plan, and undo what can be undone.

        Raises:
            UsageError: it is not there.
        """
        number = fault if isinstance(fault, int) else fault.number
        if not self._plan.remove(number):
            raise UsageError(f"there is no fault {number}")

    def save(self) -> list[dict[str, object]]:
        """Return the faults in the plan as a rig file or ``mvh fault load`` takes them."""
        return [fault.spec.describe() for fault in self._plan.all]

    def load(self, described: Iterable[Mapping[str, object]]) -> list[Fault]:
        """Set faults that were saved; all of them, or none if anything is wrong.

        Raises:
            UsageError: what is wrong; the message begins with the number of the fault, from 0, and the key.
        """
        specs = []
        for number, one in enumerate(described):
            try:
                specs.append(parse_fault(one))
                self._plan.check(specs[-1])
            except UsageError as problem:
                raise UsageError(f"faults[{number}].{problem}") from None
        return [self._plan.add(spec) for spec in specs]

    @property
    def unstruck(self) -> tuple[Fault, ...]:
        """The faults that have not struck, those that are gone included: a test that has some shows less than it says.
        """
        return self._plan.unstruck

    def clear(self) -> int:
        """Take all faults out of the plan; return how many there were."""
        return self._plan.remove()
