"""Telling a hang from a wait that is only too short.

A hang is no crash: nothing faults, the core runs, but the application gets nowhere - FreeRTOS asserts spin with BASEPRI
raised, default handlers spin in an exception. What shows it is a core that is found, each time one looks, within a few
instructions of one place, with interrupts masked or inside a handler. A loop in thread mode that interrupts can still
break into is not told from an idle loop, and is not called a hang. Nor is a loop that masks interrupts and lets them in
again in each turn, be it in a handler: so ThreadX, whose scheduler is PendSV, waits for a thread to become ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.clock import Duration
from harness.errors import ApplicationHung, BoardError, TimeoutExpired, UsageError

if TYPE_CHECKING:
    from harness.drivers.board.board import Board

LOOKS = 5
BETWEEN: Duration = "7ms"
"""Time between looks: longer than what applications mask interrupts for, and no multiple of their ticks."""

STEPS = 24
"""Instructions of a loop that are executed to see whether it lets interrupts in by itself."""

REACH = 128
"""Bytes of code that a loop that waits may span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The core at one moment."""

    pc: int
    exception: int
    primask: int
    basepri: int
    faultmask: int

    @property
    def is_shielded(self) -> bool:
        """Whether interrupts, or some of them, can't break into what executes."""
        return bool(self.masked or self.exception)

    @property
    def masked(self) -> tuple[int, ...]:
        """What keeps interrupts out, priority of what executes aside; empty if nothing does."""
        masks = (self.primask, self.basepri, self.faultmask)
        return masks if any(masks) else ()

    def masks(self) -> str:
        """Return in words what keeps interrupts out."""
        told = [f"exception {self.exception}"] if self.exception else []
        told += ["PRIMASK=1"] if self.primask else []
        told += ["FAULTMASK=1"] if self.faultmask else []
        told += [f"BASEPRI=0x{self.basepri:02X}"] if self.basepri else []
        return ", ".join(told)


def find_hang(board: Board) -> str | None:
    """Return where the application hangs and what it masks, None if it does not; lets some 30 ms pass.

    ``hung in prvTaskExitError+0x4 (0x08001236), BASEPRI=0xA0``

    Raises:
        BoardError: the board does not answer.
    """
    looks: list[Look] = []
    for number in range(LOOKS):
        if number:
            board.clock.sleep(BETWEEN)
        if not board.is_executing:
            return None
        looks.append(_look(board))
        if not looks[-1].is_shielded:
            return None
    places = [look.pc for look in looks]
    if max(places) - min(places) > REACH or len({look.masked for look in looks}) > 1 or _lets_interrupts_in(board):
        return None
    name = board.symbolise(places[-1])
    where = f"in {name} (0x{places[-1]:08x})" if name else f"at 0x{places[-1]:08x}"
    return f"hung {where}, {looks[-1].masks()}"


def raise_if_hung(board: Board, expired: TimeoutExpired) -> None:
    """Raise ApplicationHung if the application hangs; nothing if it does not, or the board does not answer."""
    if isinstance(expired, ApplicationHung):
        return
    try:
        hang = find_hang(board)
    except (BoardError, UsageError, TimeoutExpired):
        return
    if hang is not None:
        board.record("application_hung", text=hang)
        raise ApplicationHung(f"{board.name} {hang}", expired) from expired


def _look(board: Board) -> Look:
    board.halt()
    try:
        return _registers(board)
    finally:
        board.resume()


def _lets_interrupts_in(board: Board) -> bool:
    """Return whether the masks change while the loop executes a little further."""
    board.halt()
    try:
        first = _registers(board).masked
        for _ in range(STEPS):
            board.step()
            if _registers(board).masked != first:
                return True
        return False
    finally:
        board.resume()


def _registers(board: Board) -> Look:
    return Look(pc=board.register("pc"), exception=board.register("xpsr") & 0x1FF,
                primask=board.register("primask"), basepri=board.register("basepri"),
                faultmask=board.register("faultmask"))
