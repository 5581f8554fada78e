"""The resources as the cloud keeps them: plain values, changed only through their collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from harness.formats.bundle import Bundle
from harness.virtual.cloud.machines import (
    CommandStatus,
    DataStatus,
    EsimStatus,
    ResetStatus,
    SettingsStatus,
    SimStatus,
    UpdateStatus,
    WirelessStatus,
)


class Direction(StrEnum):
    """Which way a Command went."""

    TO_SIM = "to_sim"
    FROM_SIM = "from_sim"


class PeriodType(StrEnum):
    """What a billing period is for: a Sim on trial, or an active one."""

    READY = "ready"
    ACTIVE = "active"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Where the outcome of one request is to be told; no URL, no call."""

    url: str | None = None
    method: str = "POST"


NOBODY = Callback()
"""Where the outcome is told if nobody asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimUpdate:
    """A change of a Super SIM that is under way: what it will be, and who wants to know."""

    target: SimStatus
    fleet_sid: str | None
    callback: Callback


@dataclass(slots=True, kw_only=True)
class Sim(Record):
    """A Super SIM.

    Attributes:
        before: status that still counts while ``status`` reads scheduled, else None.
        update: the change that is under way, else None.
        commands: SMS Commands sent or received since it became ready: the fifth one activates it.
        traffic: octets since it became ready: 250 KB activate it.
        data: whether its data limit lets it use data.
        billed_as, billed_since: kind and beginning of the billing periods that run now, None if none.
        trial_callback: who is to be told when it becomes active by itself.
        addresses: static addresses of a private network.
    """

    iccid: str
    unique_name: str | None = None
    status: SimStatus = SimStatus.NEW
    fleet_sid: str | None = None
    before: SimStatus | None = None
    update: SimUpdate | None = None
    commands: int = 0
    traffic: int = 0
    data: DataStatus = DataStatus.OPEN
    billed_as: PeriodType | None = None
    billed_since: datetime | None = None
    trial_callback: Callback | None = None
    addresses: tuple[str, ...] = ()

    @property
    def effective(self) -> SimStatus:
        """The status that decides what the card may do: while an update runs, the one before it."""
        return self.before or self.status

    @property
    def usable(self) -> bool:
        """Whether the card may attach, and Commands may be sent to it."""
        return self.effective in (SimStatus.READY, SimStatus.ACTIVE)


@dataclass(slots=True, kw_only=True)
class Card(Record):
    """A SIM card that nobody has registered; its SID is its ICCID."""

    registration_code: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class BillingPeriod(Record):
    """A month of a Super SIM that is billed; ``octets`` of data were used in it."""

    sim_sid: str
    period_type: PeriodType
    start_time: datetime
    end_time: datetime
    octets: int = 0


@dataclass(slots=True, kw_only=True)
class EsimProfile(Record):
    """An eSIM profile that was ordered. ``eid`` is None where a matching id was asked for."""

    eid: str | None
    wants_matching_id: bool
    callback: Callback
    status: EsimStatus = EsimStatus.NEW
    iccid: str | None = None
    sim_sid: str | None = None
    smdp_plus_address: str | None = None
    matching_id: str | None = None
    activation_code: str | None = None
    error_code: str | None = None
    error_message: str | None = None


@dataclass(slots=True, kw_only=True)
class SettingsUpdate(Record):
    """Settings packages (name and version) that are written to a Super SIM over the air."""

    iccid: str
    sim_sid: str
    packages: tuple[tuple[str, str], ...]
    status: SettingsStatus = SettingsStatus.SCHEDULED
    date_completed: datetime | None = None


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
class RatePlan(Record):
    """What Programmable Wireless Sims may do; limits are in megabytes per month. ``narrowband``: for NB-IoT cards."""

    unique_name: str | None
    friendly_name: str | None
    data_enabled: bool
    data_limit: int
    data_metering: str
    messaging_enabled: bool
    voice_enabled: bool
    national_roaming_enabled: bool
    national_roaming_data_limit: int
    international_roaming: tuple[str, ...]
    international_roaming_data_limit: int
    data_limit_strategy: str
    narrowband: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WirelessUpdate:
    """A change of a Programmable Wireless Sim that is under way: what it will be, and who wants to know."""

    target: WirelessStatus
    rate_plan_sid: str | None
    callback: Callback


@dataclass(frozen=True, slots=True, kw_only=True)
class TwimlUrls:
    """Deprecated callbacks of a Programmable Wireless Sim, kept and shown but never called."""

    sms_url: str | None = None
    sms_method: str = "POST"
    sms_fallback_url: str | None = None
    sms_fallback_method: str = "POST"
    voice_url: str | None = None
    voice_method: str = "POST"
    voice_fallback_url: str | None = None
    voice_fallback_method: str = "POST"


@dataclass(slots=True, kw_only=True)
class WirelessSim(Record):
    """A Programmable Wireless Sim.

    Attributes:
        narrowband: whether it is an NB-IoT card, for which Commands and resets have limits of their own.
        before: status that still counts while ``status`` reads updating or scheduled, else None.
        update: the change that is under way, else None.
        later: who is to be told of the change that follows by itself (to active, to canceled).
        reset, reset_callback: connectivity reset, and who is to be told of its end.
        commands, traffic: Commands and octets since it became ready.
        metered_since, metered_until: the month its data is counted in, None if it was never active.
        home, national, international: octets in this month, by place.
        data: whether its data limits let it use data.
    """

    iccid: str
    unique_name: str | None = None
    friendly_name: str | None = None
    registration_code: str | None = None
    e_id: str | None = None
    narrowband: bool = False
    rate_plan_sid: str | None = None
    status: WirelessStatus = WirelessStatus.NEW
    commands_callback_url: str | None = None
    commands_callback_method: str = "POST"
    twiml: TwimlUrls = TwimlUrls()
    before: WirelessStatus | None = None
    update: WirelessUpdate | None = None
    later: Callback | None = None
    reset: ResetStatus = ResetStatus.NONE
    reset_callback: Callback | None = None
    commands: int = 0
    traffic: int = 0
    metered_since: datetime | None = None
    metered_until: datetime | None = None
    home: int = 0
    national: int = 0
    international: int = 0
    data: DataStatus = DataStatus.OPEN

    @property
    def effective(self) -> WirelessStatus:
        """The status that decides what the card may do: while an update runs, the one before it."""
        return self.before or self.status

    @property
    def usable(self) -> bool:
        """Whether the card may attach, and Commands may be sent to it."""
        return self.effective in (WirelessStatus.READY, WirelessStatus.ACTIVE)


@dataclass(slots=True, kw_only=True)
class Command(Record):
    """A Command of Programmable Wireless; ``command`` is text or, in binary mode, Base64.

    ``include_sid`` says where the text has the SID with it: ``none``, ``start`` or ``end``.
    """

    sim_sid: str
    command: str
    command_mode: PayloadType
    transport: str
    delivery_receipt_requested: bool
    include_sid: str = "none"
    status: CommandStatus
    direction: Direction
    callback: Callback


@dataclass(slots=True, kw_only=True)
class DataSession(Record):
    """A data session of a Programmable Wireless Sim; packets are those the network counted."""

    sim_sid: str
    radio_link: str
    operator_mcc: str
    operator_mnc: str
    operator_country: str
    operator_name: str
    cell_id: str
    packets_uploaded: int
    packets_downloaded: int
    last_updated: datetime
    start: datetime
    end: datetime | None
    imei: str | None


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


@dataclass(slots=True, kw_only=True)
class ConfigItem(Record):
    """A Config or Secret. ``owner`` is the account's or a Device's SID, ``place`` owner and key in one."""

    owner: str
    key: str
    place: str
    value: str = field(repr=False)
