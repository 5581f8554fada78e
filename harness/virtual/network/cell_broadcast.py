"""The cell broadcast centre: texts that cells say to every device on them (3GPP TS 23.041).

Theory of operation. A broadcast is a list of pages and of cells. Each *round* says its pages one after the other, a
page every 1.88 seconds as a GSM cell does, to the devices that have service on these cells at that moment; so a device
that comes later hears a later round. Devices know by the serial number what they have heard before.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Final

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.formats.sms import BroadcastCoding, BroadcastPage, SerialNumber, split_broadcast
from harness.virtual.network.seams import Cell, Terminal
from harness.virtual.world import Event, World

PAGE_SPAN: Final = 1_880_000_000
"""Nanoseconds from page to page (3GPP TS 45.002 clause 6.5.4: eight multiframes of 51)."""
MAX_ON_AIR: Final = 64
MAX_ROUNDS: Final = 10_000


class Broadcast:
    """One message on the air.

    Attributes:
        pages: what is said.
        cells: identities of the cells that say it.
        rounds_left: how often it will still be said.
    """

    def __init__(self, centre: BroadcastCentre, pages: tuple[BroadcastPage, ...], cells: frozenset[int], rounds: int,
                 period: int) -> None:
        self.pages = pages
        self.cells = cells
        self.rounds_left = rounds
        self._centre = centre
        self._period = period
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"Broadcast({self.message_id}, serial={self.serial_number}, rounds_left={self.rounds_left})"

    @property
    def serial_number(self) -> int:
        """Its serial number as +CBM tells it."""
        return self.pages[0].serial.value

    @property
    def message_id(self) -> int:
        """Its message identifier."""
        return self.pages[0].message_id

    @property
    def on_air(self) -> bool:
        """Whether it will be said again."""
        return self._event is not None

    def stop(self) -> None:
        """Take it off the air. No effect if it is."""
        with self._centre.world.turn():
            self._stop()

    def _stop(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def start(self) -> None:
        """Begin with the first page of the next round."""
        self._say(0)

    def _say(self, number: int) -> None:
        if number == 0:
            self.rounds_left -= 1
        self._centre.say(self.pages[number], self.cells)
        last = number + 1 == len(self.pages)
        if last and not self.rounds_left:
            self._event = None
            return
        delay = max(PAGE_SPAN, self._period - PAGE_SPAN * number) if last else PAGE_SPAN
        world = self._centre.world
        self._event = world.call_at(world.now() + delay, lambda: self._say(0 if last else number + 1),
                                    name="network.broadcast")


class BroadcastCentre:
    """The broadcasts of one network.

    Args:
        cells: all cells there are.
        listeners: gives the terminals that have service on one of these cells, with the ICCIDs they attached with.
        seen: is told of each page that is said.
    """

    def __init__(self, world: World, *, cells: Callable[[], tuple[Cell, ...]],
                 listeners: Callable[[frozenset[int]], list[tuple[str, Terminal]]],
                 seen: Callable[[bytes], None]) -> None:
        self.world = world
        self._cells = cells
        self._listeners = listeners
        self._seen = seen
        self._codes = itertools.count(1)
        self._on_air: list[Broadcast] = []

    def __repr__(self) -> str:
        return f"BroadcastCentre({len(self.on_air)} on the air)"

    @property
    def on_air(self) -> tuple[Broadcast, ...]:
        """What will be said again."""
        self._on_air = [broadcast for broadcast in self._on_air if broadcast.on_air]
        return tuple(self._on_air)

    def send(self, content: str | bytes, *, message_id: int, cells: Iterable[int] | None, serial: int | None,
             coding: int | None, language: str, rounds: int, period: Duration) -> Broadcast:
        """Put a message on the air; see :meth:`harness.virtual.network.Network.broadcast`."""
        known = {cell.ci for cell in self._cells()}
        chosen = frozenset(known if cells is None else cells)
        if not chosen or chosen - known:
            raise UsageError(f"a broadcast needs cells that there are ({', '.join(map(hex, sorted(known)))}), not "
                             f"{', '.join(map(hex, sorted(chosen - known))) or 'none'}")
        if not 1 <= rounds <= MAX_ROUNDS:
            raise UsageError(f"a broadcast is said 1 to {MAX_ROUNDS} times, not {rounds}")
        if len(self.on_air) >= MAX_ON_AIR:
            raise UsageError(f"{MAX_ON_AIR} broadcasts are on the air: stop one first")
        if serial is not None and not 0 <= serial <= 0xFFFF:
            raise UsageError(f"a serial number is 0 to 65535, not {serial}")
        number = SerialNumber.of(serial) if serial is not None else SerialNumber(code=next(self._codes) % 1024)
        scheme = BroadcastCoding(coding) if coding is not None else None
        if isinstance(content, str):
            pages = split_broadcast(content, message_id=message_id, serial=number, coding=scheme, language=language)
        else:
            pages = _data_pages(content, message_id, number, scheme or BroadcastCoding(0x44))
        for page in pages:
            page.encode()  # what can't be said is refused now
        broadcast = Broadcast(self, pages, chosen, rounds, to_ns(period))
        self.world.journal.record("network", "broadcast_begun", message_id=message_id, serial=broadcast.serial_number,
                                  pages=len(pages), cells=len(chosen), rounds=rounds)
        broadcast.start()
        self._on_air.append(broadcast)
        return broadcast

    def say(self, page: BroadcastPage, cells: frozenset[int]) -> None:
        """Say one page on these cells."""
        octets = page.encode()
        self._seen(octets)
        for _, terminal in self._listeners(cells):
            terminal.broadcast_received(octets)


def _data_pages(data: bytes, message_id: int, serial: SerialNumber,
                coding: BroadcastCoding) -> tuple[BroadcastPage, ...]:
    parts = [data[start:start + 82] for start in range(0, len(data), 82)] or [b""]
    if len(parts) > 15:
        raise UsageError(f"a broadcast has at most 15 pages of 82 octets: {len(data)} octets do not fit")
    return tuple(BroadcastPage(serial=serial, message_id=message_id, coding=coding, data=part, page=number,
                               pages=len(parts)) for number, part in enumerate(parts, 1))
