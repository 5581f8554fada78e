"""The resources as the cloud keeps them: plain values, changed only through their collection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from harness.formats.bundle import Bundle
from harness.virtual.cloud.machines import CommandStatus, SimStatus, UpdateStatus


class Direction(StrEnum):
    """Which way a Command went."""

    TO_SIM = "to_sim"
    FROM_SIM = "from_sim"


class PayloadType(StrEnum):
    """How the payload of an IP Command is written: as it is, or in Base64."""

    TEXT = "text"
    BINARY = "binary"


@dataclass(slots=True, kw_only=True)
class Record:
    """What every resource has.

    Attributes:
        seq: its place in the collection, counted up from 0 in the order of creation.
        revision: counts changes.
    """

    sid: str
    account_sid: str
    date_created: datetime
    date_updated: datetime
    seq: int = -1
    revision: int = 0


@dataclass(slots=True, kw_only=True)
class Network(Record):
    """A cellular network: read only for accounts. ``identifiers`` are pairs of MCC and MNC."""

    friendly_name: str
    iso_country: str
    identifiers: tuple[tuple[str, str], ...]


@dataclass(slots=True, kw_only=True)
class AccessProfile(Record):
    """Which networks the Sims of a Fleet may use; ``networks`` are SIDs in the order they were added."""

    unique_name: str | None
    networks: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Fleet(Record):
    """Settings shared by Sims; the data limit is in megabytes per Sim and billing period."""

    unique_name: str | None
    access_profile_sid: str
    data_enabled: bool
    data_limit: int
    sms_commands_enabled: bool
    sms_commands_url: str | None
    sms_commands_method: str
    ip_commands_url: str | None
    ip_commands_method: str


@dataclass(slots=True, kw_only=True)
class Sim(Record):
    """A Super SIM.

    Attributes:
        before: status that still counts while ``status`` reads scheduled, else None.
        commands: SMS Commands sent or received since it became ready: the fifth one activates it.
    """

    iccid: str
    unique_name: str | None = None
    status: SimStatus = SimStatus.NEW
    fleet_sid: str | None = None
    before: SimStatus | None = None
    commands: int = 0

    @property
    def effective(self) -> SimStatus:
        """The status that decides what the card may do: while an update runs, the one before it."""
        return self.before or self.status

    @property
    def usable(self) -> bool:
        """Whether the card may attach, and Commands may be sent to it."""
        return self.effective in (SimStatus.READY, SimStatus.ACTIVE)


@dataclass(slots=True, kw_only=True)
class Callback:
    """Where the outcome of one request is to be told; no URL, no call."""

    url: str | None = None
    method: str = "POST"


@dataclass(slots=True, kw_only=True)
class SmsCommand(Record):
    """A text to or from a device."""

    sim_sid: str
    payload: str
    status: CommandStatus
    direction: Direction
    callback: Callback


@dataclass(slots=True, kw_only=True)
class IpCommand(Record):
    """A datagram to or from a device. ``device_port`` is the destination to a Sim and the source from one."""

    sim_sid: str
    sim_iccid: str
    payload: str
    payload_type: PayloadType
    status: CommandStatus
    direction: Direction
    device_ip: str | None
    device_port: int
    callback: Callback


@dataclass(slots=True, kw_only=True)
class App(Record):
    """An application that was uploaded; ``hash`` is ``algorithm:value`` of its manifest."""

    unique_name: str | None
    hash: str
    bundle: Bundle


@dataclass(slots=True, kw_only=True)
class Device(Record):
    """A Microvisor board. ``log_expires`` is None while logging is off."""

    unique_name: str | None
    target_sid: str | None = None
    target_hash: str | None = None
    date_targeted: datetime | None = None
    update_status: UpdateStatus = UpdateStatus.UP_TO_DATE
    update_error_code: int = 0
    reported_sid: str | None = None
    date_reported: datetime | None = None
    log_expires: datetime | None = None

    @property
    def logging_enabled(self) -> bool:
        """Whether the cloud takes log messages of this device."""
        return self.log_expires is not None
