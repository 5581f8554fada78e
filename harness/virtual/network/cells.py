"""The cells of a network as terminals receive them: which are on the air, how strong, and who has room.

Theory of operation. A cell belongs to an operator (PLMN) and has one access technology. Its strength is a constant or a
*curve*, points in time with straight lines between them. Terminals take the first operator in the order of strength
that is not refused to them; a stronger cell of another operator alone moves nobody. A cell of the same operator and
technology that is clearly stronger takes them over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.network.seams import AccessTechnology, Cell
from harness.virtual.world import World

WEAKEST = -113
"""Below this signal in dBm nothing is received: the lowest step of +CSQ (3GPP TS 27.007 clause 8.5)."""

MARGIN = 6
"""By so many dB another cell of the operator must be stronger to take a terminal over, so that none goes to and fro."""


@dataclass(frozen=True, slots=True)
class SignalCurve:
    """Strength over time: points of instant in nanoseconds and dBm; level before the first and after the last.

        >>> curve = SignalCurve.of(("0s", -70), ("10s", -110))
        >>> curve.at(5_000_000_000)
        -90
    """

    points: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        instants = [instant for instant, _ in self.points]
        if not self.points or instants != sorted(set(instants)):
            raise UsageError("a signal curve has at least one point, and its instants rise")
        if not all(-150 <= dbm <= 0 for _, dbm in self.points):
            raise UsageError("a signal is between -150 and 0 dBm")

    @classmethod
    def of(cls, *points: tuple[Duration, int]) -> SignalCurve:
        """Return the curve through points written as ``("10s", -90)``."""
        return cls(tuple((to_ns(instant), dbm) for instant, dbm in points))

    def crossings(self, level: int) -> tuple[int, ...]:
        """Return the instants at which the curve comes to be at, or below, or above a level, as :meth:`at` tells it."""
        return _flips(lambda instant: self.at(instant) < level, [instant for instant, _ in self.points])

    def at(self, instant: int) -> int:
        """Return the strength in dBm at an instant of the world in nanoseconds."""
        before = self.points[0]
        for point in self.points:
            if point[0] > instant:
                if point is self.points[0]:
                    return point[1]
                span = point[0] - before[0]
                return before[1] + (point[1] - before[1]) * (instant - before[0]) // span
            before = point
        return before[1]


class CellMap:
    """All cells of one network, and what is wrong with them."""

    def __init__(self, world: World, cells: tuple[Cell, ...]) -> None:
        self._world = world
        self._cells = {cell.ci: cell for cell in cells}
        if len(self._cells) != len(cells):
            raise UsageError("two cells have the same identity: 'ci' must differ")
        self._curves: dict[int, SignalCurve] = {}
        self._off: set[int] = set()
        self._congested: set[str] = set()

    def __repr__(self) -> str:
        return f"CellMap({len(self._cells)} cells, {len(self._off)} off)"

    @property
    def all(self) -> tuple[Cell, ...]:
        """All cells, on or off, in the order of their making."""
        return tuple(self._cells.values())

    def cell(self, ci: int) -> Cell:
        """Return a cell by its identity.

        Raises:
            UsageError: there is none.
        """
        try:
            return self._cells[ci]
        except KeyError:
            raise UsageError(f"there is no cell {ci:#x}: there are {', '.join(hex(known) for known in self._cells)}"
                             ) from None

    def signal(self, cell: Cell) -> int:
        """Return the strength of a cell in dBm at this instant."""
        curve = self._curves.get(cell.ci)
        return curve.at(self._world.now()) if curve is not None else cell.rssi_dbm

    def received(self) -> list[Cell]:
        """Return the cells that can be received now, with their present strength, the strongest first."""
        cells = [replace(cell, rssi_dbm=self.signal(cell)) for cell in self._cells.values() if cell.ci not in self._off]
        heard = [cell for cell in cells if cell.rssi_dbm >= WEAKEST]
        return sorted(heard, key=lambda cell: -cell.rssi_dbm)  # equal ones stay in the order of their making

    def is_received(self, cell: Cell) -> bool:
        """Tell whether a cell can be received now."""
        return cell.ci in self._cells and cell.ci not in self._off and self.signal(cell) >= WEAKEST

    def better(self, cell: Cell) -> list[Cell]:
        """Return the cells of the same operator and technology that are clearly stronger now, the strongest first."""
        least = self.signal(cell) + MARGIN
        return [other for other in self.received()
                if (other.plmn, other.act) == (cell.plmn, cell.act) and other.rssi_dbm >= least]

    def contests(self, ci: int) -> list[int]:
        """Return the instants at which a cell comes to be clearly stronger than another of its kind, or weaker."""
        cell, found = self.cell(ci), set[int]()
        for other in self._cells.values():
            if other.ci != ci and (other.plmn, other.act) == (cell.plmn, cell.act):
                one, two = self._curve(cell), self._curve(other)
                instants = sorted({instant for curve in (one, two) for instant, _ in curve.points})
                for strong, weak in ((one, two), (two, one)):
                    found.update(_flips(lambda instant, strong=strong, weak=weak:  # type: ignore[misc]
                                        strong.at(instant) - weak.at(instant) >= MARGIN, instants))
        return sorted(found)

    def _curve(self, cell: Cell) -> SignalCurve:
        return self._curves.get(cell.ci) or SignalCurve(((0, cell.rssi_dbm),))

    def is_congested(self, plmn: str) -> bool:
        """Tell whether an operator takes nobody in now."""
        return plmn in self._congested

    def beside(self, cell: Cell, act: AccessTechnology) -> Cell:
        """Return a cell of the same operator with another technology; made, as strong as this one, if there is none."""
        for other in self.received():
            if other.plmn == cell.plmn and other.act is act:
                return other
        ci = max(self._cells) + 1
        made = self._cells[ci] = replace(cell, act=act, ci=ci, rssi_dbm=self.signal(cell))
        return made

    # -- conditions ---------------------------------------------------------------------------------------------------

    def set_signal(self, ci: int, signal: int | SignalCurve) -> None:
        """Give a cell another strength."""
        self.cell(ci)
        self._curves[ci] = signal if isinstance(signal, SignalCurve) else SignalCurve(((0, signal),))

    def set_on(self, ci: int, on: bool) -> None:
        """Switch a cell on or off."""
        self.cell(ci)
        (self._off.discard if on else self._off.add)(ci)

    def set_congested(self, plmn: str, congested: bool) -> None:
        """Let an operator turn everybody away, or take them again."""
        if plmn not in {cell.plmn for cell in self._cells.values()}:
            raise UsageError(f"no cell belongs to operator {plmn}")
        (self._congested.add if congested else self._congested.discard)(plmn)


def operators(cells: list[Cell]) -> dict[tuple[str, AccessTechnology], Cell]:
    """Return the best cell of each operator and access technology, the best operator first."""
    best: dict[tuple[str, AccessTechnology], Cell] = {}
    for cell in cells:
        best.setdefault((cell.plmn, cell.act), cell)
    return best


def _flips(holds: Callable[[int], bool], instants: list[int]) -> tuple[int, ...]:
    """Return when a condition begins or ends that changes once at most between two of these rising instants."""
    found = []
    for low, high in pairwise(instants):
        at_first = holds(low)
        if holds(high) is at_first:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if holds(middle) is at_first:
                low = middle
            else:
                high = middle
        found.append(high)
    return tuple(found)
