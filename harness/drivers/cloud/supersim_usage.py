"""What Super SIM counts: usage, billing periods, static addresses. Plain values, without a life of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from harness.drivers.cloud.resource import form_of
from harness.drivers.cloud.transport import Json, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """Usage in a period; a SID or country is None unless it was grouped or filtered by.

    Attributes:
        start_time, end_time: UTC, ISO 8601.
        data_upload, data_download, data_total: octets, as seen from the device.
        billed: price in ``billed_unit``; 0 and None before there is one.
    """

    start_time: str
    end_time: str
    data_upload: int
    data_download: int
    data_total: int
    sim_sid: str | None
    fleet_sid: str | None
    network_sid: str | None
    iso_country: str | None
    billed: Decimal
    billed_unit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPeriod:
    """A month that a Sim is billed for; ``period_type`` is ``ready`` or ``active``, times are UTC, ISO 8601."""

    sid: str
    start_time: str
    end_time: str
    period_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IpAddress:
    """A static address; ``version`` is ``IPv4`` or ``IPv6``."""

    address: str
    version: str


def usage_records(transport: Transport, root: str, filters: Mapping[str, str]) -> Iterator[UsageRecord]:
    """Give usage records, newest first."""
    for data in transport.pages(f"{root}/v1/UsageRecords", "usage_records", form_of(filters)):
        yield _usage(data)


def billing_periods(transport: Transport, sim_url: str) -> Iterator[BillingPeriod]:
    """Give the billing periods of a Sim."""
    for data in transport.pages(f"{sim_url}/BillingPeriods", "billing_periods"):
        yield BillingPeriod(sid=data["sid"], start_time=data["start_time"], end_time=data["end_time"],
                            period_type=data["period_type"])


def ip_addresses(transport: Transport, sim_url: str) -> Iterator[IpAddress]:
    """Give the static addresses of a Sim."""
    for data in transport.pages(f"{sim_url}/IpAddresses", "ip_addresses"):
        yield IpAddress(address=data["ip_address"], version=data["ip_address_version"])


def _usage(data: Json) -> UsageRecord:
    period = data["period"]
    return UsageRecord(start_time=period["start_time"], end_time=period["end_time"],
                       data_upload=int(data["data_upload"]), data_download=int(data["data_download"]),
                       data_total=int(data["data_total"]), sim_sid=data.get("sim_sid"), fleet_sid=data.get("fleet_sid"),
                       network_sid=data.get("network_sid"), iso_country=data.get("iso_country"),
                       billed=Decimal(str(data.get("data_total_billed") or 0)), billed_unit=data.get("billed_unit"))
