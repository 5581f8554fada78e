"""State machines of the resources, as tables: who moves what, through which state, how long it takes, who is called.

Pure: a table is asked, it never acts. :meth:`Machine.table` prints one, and tests check each for completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from harness.virtual.cloud.refusals import CONFLICT, SIM_STATUS_MOVE, Refused

S = TypeVar("S", bound=StrEnum)


class SimStatus(StrEnum):
    """Status of a Super SIM Sim."""

    NEW = "new"
    READY = "ready"
    ACTIVE = "active"
    INACTIVE = "inactive"
    SCHEDULED = "scheduled"


class CommandStatus(StrEnum):
    """Status of an SMS or IP Command; IP Commands are never ``delivered`` (UDP tells nobody)."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    RECEIVED = "received"
    FAILED = "failed"


class UpdateStatus(StrEnum):
    """``app.update_status`` of a Microvisor Device."""

    UP_TO_DATE = "up-to-date"
    PENDING = "pending"
    ERROR = "error"


class By(StrEnum):
    """Who moves a resource."""

    API = "api"
    SYSTEM = "system"
    NETWORK = "network"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Generic[S]):
    """One legal move.

    Attributes:
        via: state that is read while the move is under way, None if it is made at once.
        delay: name of the choice that says how long it is under way; empty if it is made at once.
        callback: whether the caller's URL is called when the move is complete.
        when: what makes it happen, in words.
    """

    source: S
    target: S
    by: By
    via: S | None = None
    delay: str = ""
    callback: bool = False
    when: str = ""


class Machine(Generic[S]):
    """The legal moves between the states of one resource.

    Args:
        illegal: error code of a move that is not in the table.
    """

    def __init__(self, name: str, states: type[S], moves: tuple[Move[S], ...], *, initial: tuple[S, ...],
                 illegal: int = CONFLICT) -> None:
        self.name = name
        self.states = states
        self.moves = moves
        self.initial = initial
        self.illegal = illegal
        self._by_key = {(move.source, move.target, move.by): move for move in moves}

    def __repr__(self) -> str:
        return f"Machine({self.name!r}, {len(self.moves)} moves)"

    def move(self, source: S, target: S, by: By) -> Move[S]:
        """Return the move from ``source`` to ``target``.

        Raises:
            Refused: there is no such move for this mover; the code is the machine's.
        """
        found = self._by_key.get((source, target, by))
        if found is None:
            legal = sorted({move.target.value for move in self.moves if move.source is source and move.by is by})
            raise Refused(self.illegal, f"{self.name} can't go from '{source}' to '{target}'"
                                        + (f"; it can go to {', '.join(legal)}" if legal else ""))
        return found

    def allows(self, source: S, target: S, by: By) -> bool:
        """Return whether the move is in the table."""
        return (source, target, by) in self._by_key

    def final(self) -> list[S]:
        """Return the states that nothing leaves."""
        left = {move.source for move in self.moves}
        used = left | {move.target for move in self.moves} | set(self.initial)
        return [state for state in self.states if state in used and state not in left]

    def table(self) -> str:
        """Return the machine as text, a line per move."""
        rows = [("from", "to", "by", "via", "takes", "callback", "when")]
        rows += [("-", state.value, "", "", "", "", "it begins here") for state in self.initial]
        rows += [(m.source.value, m.target.value, m.by.value, m.via.value if m.via else "", m.delay,
                  "yes" if m.callback else "", m.when) for m in self.moves]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                         for row in rows)


def _updates(*pairs: tuple[SimStatus, SimStatus]) -> tuple[Move[SimStatus], ...]:
    return tuple(Move(source=source, target=target, by=By.API, via=SimStatus.SCHEDULED, delay="sim_update",
                      callback=True, when="POST Status") for source, target in pairs)


def _delivery(source: CommandStatus, target: CommandStatus, when: str) -> Move[CommandStatus]:
    return Move(source=source, target=target, by=By.NETWORK, callback=True, when=when)


SIM = Machine("Sim status", SimStatus, (
    *_updates((SimStatus.NEW, SimStatus.READY), (SimStatus.NEW, SimStatus.ACTIVE), (SimStatus.READY, SimStatus.ACTIVE),
              (SimStatus.READY, SimStatus.INACTIVE), (SimStatus.ACTIVE, SimStatus.INACTIVE),
              (SimStatus.INACTIVE, SimStatus.ACTIVE)),
    Move(source=SimStatus.READY, target=SimStatus.ACTIVE, by=By.SYSTEM, when="250 KB, 5 SMS Commands or 3 months"),
), initial=(SimStatus.NEW,), illegal=SIM_STATUS_MOVE)
"""Status of a Super SIM: how-to-determine-a-super-sims-status, and the 83xxx error codes."""

SMS_COMMAND = Machine("SMS Command status", CommandStatus, (
    _delivery(CommandStatus.QUEUED, CommandStatus.SENT, "first attempt made"),
    _delivery(CommandStatus.SENT, CommandStatus.DELIVERED, "the device took it"),
    _delivery(CommandStatus.SENT, CommandStatus.FAILED, "rejected, or 24 hours over"),
    _delivery(CommandStatus.QUEUED, CommandStatus.FAILED, "never attempted"),
), initial=(CommandStatus.QUEUED, CommandStatus.RECEIVED))
"""Status of an SMS Command: smscommand-resource."""

IP_COMMAND = Machine("IP Command status", CommandStatus, (
    _delivery(CommandStatus.QUEUED, CommandStatus.SENT, "handed to the data session"),
    _delivery(CommandStatus.QUEUED, CommandStatus.FAILED, "no data session (83401)"),
), initial=(CommandStatus.QUEUED, CommandStatus.RECEIVED))
"""Status of an IP Command: ipcommand-resource."""

APP_UPDATE = Machine("App update status", UpdateStatus, (
    *(Move(source=state, target=UpdateStatus.PENDING, by=By.API, when="POST TargetApp") for state in UpdateStatus),
    *(Move(source=state, target=UpdateStatus.UP_TO_DATE, by=By.DEVICE, when="it reports the target")
      for state in UpdateStatus),
    *(Move(source=state, target=UpdateStatus.ERROR, by=By.DEVICE, when="it could not install the target")
      for state in (UpdateStatus.PENDING, UpdateStatus.ERROR)),
    *(Move(source=state, target=UpdateStatus.UP_TO_DATE, by=By.API, when="POST TargetApp of the App it runs")
      for state in UpdateStatus),
), initial=(UpdateStatus.UP_TO_DATE,))
"""``app.update_status`` of a Device: the device resource of Microvisor v1."""

MACHINES = (SIM, SMS_COMMAND, IP_COMMAND, APP_UPDATE)
"""All tables, for documentation and tests."""
