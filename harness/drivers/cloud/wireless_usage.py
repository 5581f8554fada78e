"""What Programmable Wireless counts: data sessions and usage. Plain values, without a life of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.drivers.cloud.resource import form_of
from harness.drivers.cloud.transport import Json, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSession:
    """A data session: where it was, and how many packets it carried.

    Attributes:
        operator_country: three letters.
        start, end, last_updated: UTC, ISO 8601; ``end`` is None while it is open.
    """

    sid: str
    sim_sid: str
    radio_link: str
    operator_mcc: str
    operator_mnc: str
    operator_country: str
    operator_name: str
    cell_id: str
    packets_uploaded: int
    packets_downloaded: int
    start: str
    end: str | None
    last_updated: str
    imei: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsUsage:
    """Commands of one place, or of all."""

    total: int = 0
    from_sim: int = 0
    to_sim: int = 0
    billed: float = 0
    billing_units: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOctets:
    """Octets of one place, or of all, as seen from the device."""

    total: int = 0
    upload: int = 0
    download: int = 0
    billed: float = 0
    billing_units: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WirelessUsage:
    """Usage in a period: sums, and what they are made of.

    Attributes:
        start, end: UTC, ISO 8601.
        sim_sid: None in the account's records.
        commands_by_place, data_by_place: ``home``, ``national_roaming``, and countries abroad by three letters.
    """

    start: str
    end: str
    sim_sid: str | None
    commands: CommandsUsage
    data: DataOctets
    commands_by_place: Mapping[str, CommandsUsage] = field(default_factory=dict)
    data_by_place: Mapping[str, DataOctets] = field(default_factory=dict)


def data_sessions(transport: Transport, sim_url: str) -> Iterator[DataSession]:
    """Give the data sessions of a SIM, newest first."""
    for data in transport.pages(f"{sim_url}/DataSessions", "data_sessions"):
        yield DataSession(
            sid=data["sid"], sim_sid=data["sim_sid"], radio_link=data["radio_link"] or "",
            operator_mcc=data["operator_mcc"] or "", operator_mnc=data["operator_mnc"] or "",
            operator_country=data["operator_country"] or "", operator_name=data["operator_name"] or "",
            cell_id=data["cell_id"] or "", packets_uploaded=int(data["packets_uploaded"] or 0),
            packets_downloaded=int(data["packets_downloaded"] or 0), start=data["start"], end=data["end"],
            last_updated=data["last_updated"], imei=data["imei"])


def wireless_usage(transport: Transport, url: str, filters: Mapping[str, str]) -> Iterator[WirelessUsage]:
    """Give usage records, newest first."""
    for data in transport.pages(f"{url}/UsageRecords", "usage_records", form_of(filters)):
        yield _usage(data)


def _usage(data: Json) -> WirelessUsage:
    period, commands, octets = data.get("period") or {}, data.get("commands") or {}, data.get("data") or {}
    return WirelessUsage(
        start=period.get("start", ""), end=period.get("end", ""), sim_sid=data.get("sim_sid"),
        commands=_commands(commands), data=_octets(octets),
        commands_by_place={place: _commands(part) for place, part in _places(commands)},
        data_by_place={place: _octets(part) for place, part in _places(octets)})


def _places(whole: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place in ("home", "national_roaming"):
        if whole.get(place):
            yield place, whole[place]
    for country in whole.get("international_roaming") or ():
        yield country["country_code"], country


def _commands(part: Mapping[str, Any]) -> CommandsUsage:
    return CommandsUsage(total=int(part.get("total") or 0), from_sim=int(part.get("from_sim") or 0),
                         to_sim=int(part.get("to_sim") or 0), billed=float(part.get("billed") or 0),
                         billing_units=part.get("billing_units"))


def _octets(part: Mapping[str, Any]) -> DataOctets:
    return DataOctets(total=int(part.get("total") or 0), upload=int(part.get("upload") or 0),
                      download=int(part.get("download") or 0), billed=float(part.get("billed") or 0),
                      billing_units=part.get("billing_units"))
