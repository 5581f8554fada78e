"""State machines of the resources, as tables: who moves what, through which state, how long it takes, who is called.

Pure: a table is asked, it never acts. :meth:`Machine.table` prints one, and tests check each for completeness.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from harness.virtual.cloud.refusals import (
    CONFLICT,
    SIM_STATUS_MOVE,
    WIRELESS_MOVE,
    WIRELESS_RESET_NOT_ALLOWED,
    Refused,
)

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


class EsimStatus(StrEnum):
    """Status of an eSIM profile."""

    NEW = "new"
    RESERVING = "reserving"
    AVAILABLE = "available"
    DOWNLOADED = "downloaded"
    INSTALLED = "installed"
    FAILED = "failed"


class SettingsStatus(StrEnum):
    """Status of a settings update of a Super SIM."""

    SCHEDULED = "scheduled"
    IN_PROGRESS = "in-progress"
    SUCCESSFUL = "successful"
    FAILED = "failed"


class WirelessStatus(StrEnum):
    """Status of a Programmable Wireless Sim."""

    NEW = "new"
    READY = "ready"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DEACTIVATED = "deactivated"
    CANCELED = "canceled"
    SCHEDULED = "scheduled"
    UPDATING = "updating"


class ResetStatus(StrEnum):
    """Connectivity reset of a Programmable Wireless Sim; ``none`` reads null."""

    NONE = "none"
    RESETTING = "resetting"


class DataStatus(StrEnum):
    """Whether a Sim's data limit lets it use data; seen by the network only."""

    OPEN = "open"
    BLOCKED = "blocked"


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

    @property
    def answer(self) -> str:
        """What the API answers to who asks for it: ``202`` while it is under way, ``at once``; empty for the others."""
        return "" if self.by is not By.API else "202" if self.via is not None else "at once"


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

    def rows(self) -> list[dict[str, str]]:
        """Return the machine as data, a row per move; ``takes`` names a duration among the choices."""
        begin = [{"from": "-", "to": state.value, "by": "", "answer": "", "via": "", "takes": "", "callback": "",
                  "when": "it begins here"} for state in self.initial]
        return begin + [{"from": m.source.value, "to": m.target.value, "by": m.by.value, "answer": m.answer,
                         "via": m.via.value if m.via else "", "takes": m.delay, "callback": "yes" if m.callback else "",
                         "when": m.when} for m in self.moves]

    def table(self) -> str:
        """Return the machine as text, a line per move, and what every other move gets."""
        rows = self.rows()
        lines = [list(rows[0])] + [list(row.values()) for row in rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
                for line in lines]
        return "\n".join([*text, f"any other move by api: error {self.illegal}"])


def _updates(*pairs: tuple[SimStatus, SimStatus]) -> tuple[Move[SimStatus], ...]:
    return tuple(Move(source=source, target=target, by=By.API, via=SimStatus.SCHEDULED, delay="sim_update",
                      callback=True, when="POST Status") for source, target in pairs)


def _delivery(source: CommandStatus, target: CommandStatus, when: str) -> Move[CommandStatus]:
    return Move(source=source, target=target, by=By.NETWORK, callback=True, when=when)


SIM = Machine("Sim status", SimStatus, (
    *_updates((SimStatus.NEW, SimStatus.READY), (SimStatus.NEW, SimStatus.ACTIVE), (SimStatus.READY, SimStatus.ACTIVE),
              (SimStatus.READY, SimStatus.INACTIVE), (SimStatus.ACTIVE, SimStatus.INACTIVE),
              (SimStatus.INACTIVE, SimStatus.ACTIVE)),
    Move(source=SimStatus.READY, target=SimStatus.ACTIVE, by=By.SYSTEM, delay="trial_months",
         when="250 KB, 5 SMS Commands or 3 months"),
), initial=(SimStatus.NEW,), illegal=SIM_STATUS_MOVE)
"""Status of a Super SIM: how-to-determine-a-super-sims-status, and the 83xxx error codes."""

NEW_TO_INACTIVE = _updates((SimStatus.NEW, SimStatus.INACTIVE))[0]
"""A move that only the choice ``new_to_inactive`` allows."""

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

ESIM_PROFILE = Machine("eSIM profile status", EsimStatus, (
    Move(source=EsimStatus.NEW, target=EsimStatus.RESERVING, by=By.SYSTEM, delay="esim_reserving",
         when="taken from the queue"),
    Move(source=EsimStatus.RESERVING, target=EsimStatus.AVAILABLE, by=By.SYSTEM, delay="esim_available", callback=True,
         when="a profile and its Sim are reserved"),
    Move(source=EsimStatus.RESERVING, target=EsimStatus.FAILED, by=By.SYSTEM, delay="esim_available", callback=True,
         when="no profile is left (83500), or the reservation failed"),
    Move(source=EsimStatus.AVAILABLE, target=EsimStatus.DOWNLOADED, by=By.DEVICE, callback=True,
         when="the device fetched it from the SM-DP+"),
    Move(source=EsimStatus.AVAILABLE, target=EsimStatus.FAILED, by=By.DEVICE, callback=True,
         when="the device could not fetch it"),
    Move(source=EsimStatus.DOWNLOADED, target=EsimStatus.INSTALLED, by=By.DEVICE, callback=True,
         when="the eUICC installed it"),
    Move(source=EsimStatus.DOWNLOADED, target=EsimStatus.FAILED, by=By.DEVICE, callback=True,
         when="the eUICC could not install it"),
), initial=(EsimStatus.NEW,))
"""Status of an eSIM profile: esimprofile-resource."""

SETTINGS_UPDATE = Machine("settings update status", SettingsStatus, (
    Move(source=SettingsStatus.SCHEDULED, target=SettingsStatus.IN_PROGRESS, by=By.NETWORK,
         when="the device is attached"),
    Move(source=SettingsStatus.IN_PROGRESS, target=SettingsStatus.SUCCESSFUL, by=By.SYSTEM, delay="settings_update",
         when="written over the air"),
    Move(source=SettingsStatus.IN_PROGRESS, target=SettingsStatus.FAILED, by=By.NETWORK,
         when="the device left meanwhile"),
), initial=(SettingsStatus.SCHEDULED,))
"""Status of a settings update: settingsupdate-resource; the platform begins it, no API does."""

DATA_LIMIT = Machine("data of a Sim", DataStatus, (
    Move(source=DataStatus.OPEN, target=DataStatus.BLOCKED, by=By.SYSTEM, delay="",
         when="usage of the billing period is over the limit, looked at with each usage report (every 6 minutes)"),
    Move(source=DataStatus.BLOCKED, target=DataStatus.OPEN, by=By.SYSTEM,
         when="the billing period ends, or a raised limit takes effect"),
), initial=(DataStatus.OPEN,))
"""What a data limit does to a Sim: fleet-resource, rateplan-resource."""


def _wireless(source: WirelessStatus, *targets: WirelessStatus) -> tuple[Move[WirelessStatus], ...]:
    return tuple(Move(source=source, target=target, by=By.API, via=WirelessStatus.UPDATING, delay="wireless_update",
                      callback=True, when="POST Status") for target in targets)


WIRELESS_SIM = Machine("Sim status", WirelessStatus, (
    *_wireless(WirelessStatus.NEW, WirelessStatus.READY, WirelessStatus.ACTIVE),
    *_wireless(WirelessStatus.READY, WirelessStatus.ACTIVE, WirelessStatus.SUSPENDED, WirelessStatus.DEACTIVATED),
    *_wireless(WirelessStatus.ACTIVE, WirelessStatus.SUSPENDED, WirelessStatus.DEACTIVATED),
    *_wireless(WirelessStatus.SUSPENDED, WirelessStatus.ACTIVE, WirelessStatus.DEACTIVATED),
    *_wireless(WirelessStatus.DEACTIVATED, WirelessStatus.ACTIVE),
    Move(source=WirelessStatus.READY, target=WirelessStatus.ACTIVE, by=By.SYSTEM, delay="trial_months", callback=True,
         when="250 KB, 5 Commands or 3 months; called again after the call for ready"),
    Move(source=WirelessStatus.DEACTIVATED, target=WirelessStatus.CANCELED, by=By.SYSTEM, delay="wireless_cancel",
         callback=True, when="72 hours; called again after the call for deactivated"),
), initial=(WirelessStatus.NEW,), illegal=WIRELESS_MOVE)
"""Status of a Programmable Wireless Sim: understanding-sim-statuses. While the operator is in maintenance an update
reads ``scheduled`` first, and goes on by itself."""

RESET = Machine("connectivity reset", ResetStatus, (
    Move(source=ResetStatus.NONE, target=ResetStatus.RESETTING, by=By.API, when="POST ResetStatus, if ready or active"),
    Move(source=ResetStatus.RESETTING, target=ResetStatus.NONE, by=By.SYSTEM, delay="wireless_reset", callback=True,
         when="the device was sent away and may come back"),
), initial=(ResetStatus.NONE,), illegal=WIRELESS_RESET_NOT_ALLOWED)
"""``reset_status`` of a Programmable Wireless Sim: sim-resource, and codes 33119 and 33120."""

COMMAND = Machine("Command status", CommandStatus, (
    Move(source=CommandStatus.QUEUED, target=CommandStatus.SENT, by=By.NETWORK,
         when="handed over; final, and called back, if no delivery receipt was asked for", callback=True),
    _delivery(CommandStatus.SENT, CommandStatus.DELIVERED, "delivery receipt of the device"),
    _delivery(CommandStatus.SENT, CommandStatus.FAILED, "rejected, or 24 hours over"),
    _delivery(CommandStatus.QUEUED, CommandStatus.FAILED, "never attempted"),
), initial=(CommandStatus.QUEUED, CommandStatus.RECEIVED))
"""Status of a Programmable Wireless Command: command-resource."""

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

MACHINES = (SIM, SMS_COMMAND, IP_COMMAND, ESIM_PROFILE, SETTINGS_UPDATE, DATA_LIMIT, WIRELESS_SIM, RESET, COMMAND,
            APP_UPDATE)
"""All tables, for documentation and tests."""
