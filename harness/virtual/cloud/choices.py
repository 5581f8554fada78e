"""What the public documentation leaves open, decided once: one table of named choices, each with its reason.

A rig may decide otherwise: ``Choices(sim_update="45s", unknown_parameters="refuse")``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.cloud.refusals import CONFLICT, INVALID_PARAMETER, STATUS

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
    unknown_reference_status: int = choice(
        400, "HTTP status of 20404 where the path names a resource that is there, and a parameter one that is not: 404 "
             "would be taken for the first; requests to a collection get 404")
    duplicate: int = choice(
        CONFLICT, "error code for a name, key or network that is there already, where the catalogue has no code of its "
                  "own: 20409 is its general one")
    unknown_parameters: Literal["ignore", "refuse"] = choice(
        "ignore", "code 20001 exists, but whether these APIs use it is not said; ignored ones are counted")
    authentication: Literal["both", "basic", "bearer"] = choice(
        "both", "what proves who asks: HTTP Basic as Twilio wants it, bearer tokens as KORE does; KORE's specification "
                "of Super SIM lists both")
    oauth_scopes: tuple[str, ...] = choice(
        (), "scopes that a bearer token can be asked for: KORE's specification lists none, so any is granted if empty")
    other_body_status: int = choice(415, "HTTP status for a body that is no form: KORE lists 415")
    options_and_head: Literal["answer", "refuse"] = choice(
        "answer", "the specifications declare CORS headers with OPTIONS, but no such operation; HEAD is GET without "
                  "its body, as HTTP wants it; refused they get 405")
    old_aliases: bool = choice(
        True, "whether AppSid still stands for TargetApp: scripts of 2022 say so")
    plain_http: Literal["served"] = choice(
        "served", "the services speak HTTPS only; on this machine plain HTTP is served too, TLS by 'mvh up'")
    unique_name_length: Literal[64] = choice(
        64, "longest unique name; said for rate plans (33101), taken for all")
    friendly_name_length: Literal[256] = choice(256, "longest friendly name: no page says")
    empty_url: Literal["clear", "clear-set", "refuse"] = choice(
        "clear-set", "an empty value takes back a URL that is set; where there is none to take back it is no URL, "
                     "which the format of the specification asks for")
    sim_update: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "2s", "how long a Sim reads 'scheduled': said to be seconds to a minute or more")
    sim_update_of_fleet: Literal["asynchronous", "at-once"] = choice(
        "asynchronous", "a changelog says that Fleet updates are asynchronous, as status updates are; not of a new Sim")
    new_to_inactive: bool = choice(
        False, "whether a new Super SIM can be set inactive: no page says so, hence 83010")
    default_data_limit_mb: int = choice(
        1000, "Fleet.DataLimit: request text says 1000, response text 250; the request text is newer")
    default_sms_commands_enabled: bool = choice(
        True, "Fleet.SmsCommandsEnabled: request text says true, response text false")
    sms_callback_statuses: tuple[str, ...] = choice(
        ("sent", "delivered", "failed"),
        "the callback is called 'after we have sent the command'; what follows is told too")
    sms_payload_alphabet: Literal["gsm7", "any"] = choice(
        "gsm7", "up to 160 single-byte characters; what a text outside GSM 7-bit gets is not said: refused")
    ip_command_ports: tuple[int, ...] = choice(
        (), "ports of the IP gateway, 100.64.0.1, that take datagrams for IP Commands: examples use 6969, others are "
            "not excluded; all if empty. Where Commands to a device come from is a setting of the network")
    command_not_possible: int = choice(
        INVALID_PARAMETER, "error code for a Command to a Sim that is neither ready nor active: the catalogue has none")
    trial_kilobytes: int = choice(250, "data that a ready Sim may use before it becomes active, in 1,000 octets")
    trial_commands: int = choice(5, "Commands that a ready Sim may send and receive before it becomes active")
    trial_months: int = choice(3, "months after which a ready Sim becomes active")
    trial_callback: bool = choice(
        False, "whether the callback of the update to ready is called again when a Super SIM becomes active by itself: "
               "said for Programmable Wireless, not for Super SIM")
    megabyte: int = choice(
        1_000_000, "octets in a megabyte of DataLimit and of prices: an example bills 300,000 octets with 0.03")
    data_limit_change: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "5min", "when a changed DataLimit takes effect: typically within five minutes")
    empty_access_profile: Literal["none", "all"] = choice(
        "none", "networks that a Network Access Profile without any allows: it is said to be an exclusive list")
    billing_after_inactive: Literal["resume", "begin"] = choice(
        "resume", "reactivation while the billing period still runs: it goes on, or a new one begins")
    price_per_megabyte: str = choice("0.10", "price of data in billed_unit, as the published examples have it")
    price_per_command: str = choice("0", "price of a Programmable Wireless Command: the published examples bill 0")
    billed_unit: str = choice("USD", "currency of bills, as in the published examples")
    billing_delay: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "24h", "when usage has a price: within 24 hours; until then billed_unit is null and the amount 0")
    usage_default_range: Literal["whole-buckets"] = choice(
        "whole-buckets", "StartTime and EndTime that are not given: widened to whole hours or days where those are "
                         "asked for, since anything else is an error")
    esim_reserving: Duration = choice("1s", "how long an eSIM profile reads 'new'")  # noqa: RUF009 - dataclasses.field
    esim_available: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "2s", "how long an eSIM profile reads 'reserving'")
    esim_stock: int = choice(1_000, "eSIM profiles that can be reserved")
    esim_out_of_stock: Literal["refuse", "fail"] = choice(
        "refuse", "83500: whether the request is refused, or the profile fails after 'reserving'")
    esim_needs: Literal["either", "any"] = choice(
        "either", "whether Eid or GenerateMatchingId=true must be given: an order without both names no device")
    esim_callback_statuses: tuple[str, ...] = choice(
        ("available", "downloaded", "failed"),
        "the specification names 'available' only, a page also 'downloaded'; a failure is told too")
    settings_update: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "30s", "how long a settings update is in progress once the device is attached")
    reattach_limit: int = choice(
        30, "attachments within reattach_window that count as a loop (83703): no number is said")
    reattach_window: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "1min", "in what time reattach_limit counts; also how long the device is kept away")
    event_batch: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "1s", "how long connection events are gathered for a request to a sink, a JSON array: no length is documented")
    event_batch_limit: int = choice(100, "most connection events in one request to a sink")
    event_vendor: Literal["twilio", "kore"] = choice(
        "twilio", "hosts of the schemas of connection events; types keep their names")
    wireless_update: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "2s", "how long a Programmable Wireless Sim reads 'updating': said to be seconds to a minute or more")
    wireless_update_status: Literal[200, 202] = choice(
        202, "HTTP status of an update that is under way: the specification lists 200 only, an overview page says 202")
    wireless_cancel: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "72h", "how long a deactivated Sim waits before it is canceled; documented")
    wireless_reset: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "10s", "how long a connectivity reset takes")
    wireless_reset_needs_network: bool = choice(
        True, "whether 33119 is given for Sims that are neither ready nor active; documented by that code")
    wireless_delete: tuple[str, ...] = choice(
        ("new", "canceled"), "statuses in which a Sim can be deleted: no page says")
    wireless_callback_intermediate: bool = choice(
        True, "the callback is called at ready or deactivated, and again at active or canceled; documented")
    wireless_command_callbacks: tuple[str, ...] = choice(
        ("delivered", "failed"), "a Command's callback is called when it has finished sending; sent too if it is final")
    wireless_alphabet: Literal["gsm7", "any"] = choice(
        "gsm7", "up to 160 characters; what a text outside GSM 7-bit gets is not said: refused")
    wireless_delete_command: Literal["any", "finished"] = choice(
        "any", "which Commands DELETE takes; one that is still queued goes to the device all the same")
    wireless_plan_in_use: Literal["conflict", "delete"] = choice(
        "conflict", "DELETE of a RatePlan that Sims have: KORE lists 409")
    command_retention: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "720h", "how long Programmable Wireless Commands are kept: 30 days, documented")
    session_retention: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "720h", "how long data sessions are kept: 30 days, documented")
    usage_retention_months: int = choice(18, "how long usage is kept; documented")
    wireless_home: str = choice(
        "310260", "PLMN of the home network of Programmable Wireless, T-Mobile USA; others in its country are national")
    list_order: Literal["newest-first"] = choice("newest-first", "the order of lists is not documented")
    app_in_use: Literal["conflict", "delete"] = choice("conflict", "DELETE of an App that a Device targets or runs")
    upload_status: int = choice(201, "HTTP status of an App upload: clients only look for the SID")
    device_logging: Duration = choice(  # noqa: RUF009 - it is dataclasses.field
        "24h", "how long LoggingEnabled lasts; documented for Microvisor devices")
    www_authenticate: str = choice('Basic realm="Twilio API"', "header of a 401: not documented")
    webhook_signature: Literal["twilio-sha1", "twilio-sha256", "kore"] = choice(
        "twilio-sha1", "who signs webhooks and how: X-Twilio-Signature with SHA-1, as the helper libraries check it, "
                       "the same with SHA-256, or the headers of KORE")
    webhook_names: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}),
        metadata={"why": "corrections of the parameters of webhooks, most of which are inferred: 'sim_status.Status' "
                         "(kind and name, as 'mvh cloud webhooks' lists them) to the right name, or to '' to leave it "
                         "out"})
    webhook_key: str = choice(
        "", "id of the shared key of twilio-sha256, named in the header; empty: the account's own token is the key")

    def status(self, code: int) -> int:
        """Return the HTTP status that goes with an error code."""
        return self.status_of_code.get(code) or STATUS.get(code, 400)

    def table(self) -> list[Choice]:
        """Return every choice with its value and its reason."""
        return [Choice(name=item.name, value=_shown(getattr(self, item.name)), why=item.metadata["why"])
                for item in fields(self)]


def choices_of(values: Mapping[str, Any]) -> Choices:
    """Return the choices with some of them decided otherwise, as a rig file has them.

    >>> choices_of({"sim_update": "45s", "status_of_code": {"83010": 409}}).status(83010)
    409

    Raises:
        UsageError: there is no such choice, or it can't be decided like this.
    """
    known = {item.name: item.type for item in fields(Choices)}
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(f"there is no choice {name!r}" + (f": did you mean {near[0]!r}?" if near else
                                                               "; 'mvh cloud choices' lists them"))
    try:
        choices = TypeAdapter(Choices).validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{'.'.join(map(str, first['loc'][:1]))}: {first['msg']}") from None
    for name in values:
        if known[name] == "Duration":
            to_ns(getattr(choices, name))
    return choices


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{code}: {status}" for code, status in sorted(value.items())) or "(built in)"
    return ", ".join(map(str, value)) or "(none)" if isinstance(value, tuple) else str(value)
