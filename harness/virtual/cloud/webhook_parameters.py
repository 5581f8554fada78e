"""What each kind of webhook says: names and values in one table, where they can be corrected.

Only the text from a device and the names of a Command of Programmable Wireless were ever seen in public; the others
follow them, and the names the helper code of users reads. A value of None leaves the parameter out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.virtual.cloud.records import Command, EsimProfile, IpCommand, Sim, SmsCommand, WirelessSim


class WebhookKind(StrEnum):
    """What a webhook tells of."""

    SIM_STATUS = "sim_status"
    SMS_COMMAND = "sms_command"
    IP_COMMAND = "ip_command"
    ESIM_PROFILE = "esim_profile"
    WIRELESS_SIM = "wireless_sim_status"
    COMMAND = "command"
    EVENTS = "connection_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one webhook is about."""

    account_sid: str
    sim: Sim | None = None
    sms: SmsCommand | None = None
    ip: IpCommand | None = None
    esim: EsimProfile | None = None
    wireless: WirelessSim | None = None
    command: Command | None = None
    error_code: int = 0
    error_message: str = ""


Reader = Callable[[Subject], "str | None"]


def _sim(read: Callable[[Sim | WirelessSim], str | None]) -> Reader:
    def of(subject: Subject) -> str | None:
        sim = subject.sim or subject.wireless
        return None if sim is None else read(sim)

    return of


def _sms(read: Callable[[SmsCommand], str]) -> Reader:
    return lambda subject: read(subject.sms) if subject.sms else None


def _ip(read: Callable[[IpCommand], str | None]) -> Reader:
    return lambda subject: read(subject.ip) if subject.ip else None


def _esim(read: Callable[[EsimProfile], str | None]) -> Reader:
    return lambda subject: read(subject.esim) if subject.esim else None


def _command(read: Callable[[Command], str]) -> Reader:
    return lambda subject: read(subject.command) if subject.command else None


_WHOSE: tuple[tuple[str, Reader], ...] = (
    ("AccountSid", lambda subject: subject.account_sid),
    ("ApiVersion", lambda subject: "v1"),
)

_COMMON: tuple[tuple[str, Reader], ...] = (
    *_WHOSE,
    ("SimSid", _sim(lambda sim: sim.sid)),
    ("SimUniqueName", _sim(lambda sim: sim.unique_name or "")),
    ("ErrorCode", lambda subject: str(subject.error_code) if subject.error_code else None),
    ("ErrorMessage", lambda subject: subject.error_message or None),
)

_WIRELESS: tuple[tuple[str, Reader], ...] = (
    *_WHOSE,
    ("SimSid", _sim(lambda sim: sim.sid)),
    ("SimUniqueName", _sim(lambda sim: sim.unique_name or "")),
    ("ErrorCode", lambda subject: str(subject.error_code) if subject.error_code else ""),
    ("ErrorMessage", lambda subject: subject.error_message),
)

PARAMETERS: Mapping[WebhookKind, tuple[tuple[str, Reader], ...]] = MappingProxyType({
    WebhookKind.SMS_COMMAND: (
        *_COMMON,
        ("CommandSid", _sms(lambda command: command.sid)),
        ("Status", _sms(lambda command: command.status.value)),
        ("Direction", _sms(lambda command: command.direction.value)),
        ("Command", _sms(lambda command: command.payload)),
        ("Payload", _sms(lambda command: command.payload)),
        ("PayloadType", lambda subject: "text"),
    ),
    WebhookKind.IP_COMMAND: (
        *_COMMON,
        ("SimIccid", _sim(lambda sim: sim.iccid)),
        ("CommandSid", _ip(lambda command: command.sid)),
        ("Status", _ip(lambda command: command.status.value)),
        ("Direction", _ip(lambda command: command.direction.value)),
        ("DeviceIp", _ip(lambda command: command.device_ip)),
        ("DevicePort", _ip(lambda command: str(command.device_port))),
        ("Payload", _ip(lambda command: command.payload)),
        ("PayloadType", _ip(lambda command: command.payload_type.value)),
    ),
    WebhookKind.SIM_STATUS: (
        *_COMMON,
        ("SimIccid", _sim(lambda sim: sim.iccid)),
        ("FleetSid", lambda subject: subject.sim.fleet_sid if subject.sim else None),
        ("Status", _sim(lambda sim: sim.status.value)),
        ("SimStatus", _sim(lambda sim: sim.status.value)),
    ),
    WebhookKind.ESIM_PROFILE: (
        *_WHOSE,
        ("ESimProfileSid", _esim(lambda profile: profile.sid)),
        ("Status", _esim(lambda profile: profile.status.value)),
        ("SimSid", _esim(lambda profile: profile.sim_sid)),
        ("SimIccid", _esim(lambda profile: profile.iccid)),
        ("Eid", _esim(lambda profile: profile.eid)),
        ("MatchingId", _esim(lambda profile: profile.matching_id)),
        ("ErrorCode", _esim(lambda profile: profile.error_code)),
        ("ErrorMessage", _esim(lambda profile: profile.error_message)),
    ),
    WebhookKind.WIRELESS_SIM: (
        *_WIRELESS,
        ("SimStatus", _sim(lambda sim: sim.status.value)),
    ),
    WebhookKind.COMMAND: (
        *_WIRELESS,
        ("CommandSid", _command(lambda command: command.sid)),
        ("CommandStatus", _command(lambda command: command.status.value)),
        ("CommandMode", _command(lambda command: command.command_mode.value)),
        ("Command", _command(lambda command: command.command)),
    ),
})
"""Parameters per kind, in the order they are sent. Connection events are JSON, see :mod:`connection_events`."""


def webhook_parameters(kind: WebhookKind, subject: Subject, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return names and values of one webhook; ``names`` corrects them, as the choice ``webhook_names`` does."""
    told = [(names.get(f"{kind.value}.{name}", name), value) for name, read in PARAMETERS[kind]
            if (value := read(subject)) is not None]
    return [(name, value) for name, value in told if name]
