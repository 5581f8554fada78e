"""What the public documentation leaves open, decided once: one table of named choices, each with its reason.

A rig may decide otherwise: ``Choices(sim_update="45s", unknown_parameters="refuse")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Literal, TypeVar

from harness.clock import Duration
from harness.virtual.cloud.refusals import INVALID_PARAMETER, STATUS

T = TypeVar("T")


def choice(value: T, why: str) -> T:
    """Return a field of :class:`Choices` with its default and the reason for it."""
    return field(default=value, metadata={"why": why})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One line of the table."""

    name: str
    value: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Every undocumented decision of the virtual cloud.

    >>> [row.value for row in Choices().table() if row.name == "sim_update"]
    ['2s']
    """

    status_of_code: Mapping[int, int] = field(
        default_factory=lambda: MappingProxyType({}),
        metadata={"why": "the error catalogue gives codes without HTTP status; these go before the built-in table"})
    unknown_parameters: Literal["ignore", "refuse"] = choice(
        "ignore", "code 20001 exists, but whether these APIs use it is not said; ignored ones are counted")
    sim_update: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "2s", "how long a Sim reads 'scheduled': said to be seconds to a minute or more")
    sim_update_of_fleet: Literal["asynchronous", "at-once"] = choice(
        "asynchronous", "a changelog says that Fleet updates are asynchronous, as status updates are; not of a new Sim")
    default_data_limit_mb: int = choice(
        1000, "Fleet.DataLimit: request text says 1000, response text 250; the request text is newer")
    default_sms_commands_enabled: bool = choice(
        True, "Fleet.SmsCommandsEnabled: request text says true, response text false")
    sms_callback_statuses: tuple[str, ...] = choice(
        ("sent", "delivered", "failed"),
        "the callback is called 'after we have sent the command'; what follows is told too")
    sms_payload_alphabet: Literal["gsm7", "any"] = choice(
        "gsm7", "up to 160 single-byte characters; what a text outside GSM 7-bit gets is not said: refused")
    command_not_possible: int = choice(
        INVALID_PARAMETER, "error code for a Command to a Sim that is neither ready nor active: the catalogue has none")
    list_order: Literal["newest-first"] = choice("newest-first", "the order of lists is not documented")
    app_in_use: Literal["conflict", "delete"] = choice("conflict", "DELETE of an App that a Device targets or runs")
    upload_status: int = choice(201, "HTTP status of an App upload: clients only look for the SID")
    device_logging: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "24h", "how long LoggingEnabled lasts; documented for Microvisor devices")
    www_authenticate: str = choice('Basic realm="Twilio API"', "header of a 401: not documented")
    webhook_signature: Literal["twilio-sha1"] = choice(
        "twilio-sha1", "X-Twilio-Signature as the helper libraries check it")

    def status(self, code: int) -> int:
        """Return the HTTP status that goes with an error code."""
        return self.status_of_code.get(code) or STATUS.get(code, 400)

    def table(self) -> list[Choice]:
        """Return every choice with its value and its reason."""
        return [Choice(name=item.name, value=_shown(getattr(self, item.name)), why=item.metadata["why"])
                for item in fields(self)]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{code}: {status}" for code, status in sorted(value.items())) or "(built in)"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
