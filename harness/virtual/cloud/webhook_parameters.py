"""What each kind of webhook says: names and values in one table, where they can be corrected.

Only the text from a device was ever captured in public; the others follow it, and the names the helper code of users
reads. A value of None leaves the parameter out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from harness.virtual.cloud.records import IpCommand, Sim, SmsCommand


class WebhookKind(StrEnum):
    """What a webhook tells of."""

    SIM_STATUS = "sim_status"
    SMS_COMMAND = "sms_command"
    IP_COMMAND = "ip_command"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What one webhook is about."""

    account_sid: str
    sim: Sim
    sms: SmsCommand | None = None
    ip: IpCommand | None = None
    error_code: int = 0
    error_message: str = ""


Reader = Callable[[Subject], "str | None"]


def _sms(read: Callable[[SmsCommand], str]) -> Reader:
    return lambda subject: read(subject.sms) if subject.sms else None


def _ip(read: Callable[[IpCommand], str | None]) -> Reader:
    return lambda subject: read(subject.ip) if subject.ip else None


_COMMON: tuple[tuple[str, Reader], ...] = (
    ("AccountSid", lambda subject: subject.account_sid),
    ("ApiVersion", lambda subject: "v1"),
    ("SimSid", lambda subject: subject.sim.sid),
    ("SimUniqueName", lambda subject: subject.sim.unique_name or ""),
    ("ErrorCode", lambda subject: str(subject.error_code) if subject.error_code else None),
    ("ErrorMessage", lambda subject: subject.error_message or None),
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
        ("SimIccid", lambda subject: subject.sim.iccid),
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
        ("SimIccid", lambda subject: subject.sim.iccid),
        ("FleetSid", lambda subject: subject.sim.fleet_sid),
        ("Status", lambda subject: subject.sim.status.value),
        ("SimStatus", lambda subject: subject.sim.status.value),
    ),
})
"""Parameters per kind, in the order they are sent."""


def webhook_parameters(kind: WebhookKind, subject: Subject) -> list[tuple[str, str]]:
    """Return names and values of one webhook."""
    return [(name, value) for name, read in PARAMETERS[kind] if (value := read(subject)) is not None]
