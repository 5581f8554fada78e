"""Programmable Wireless v1: resources and operations, declared."""

from __future__ import annotations

from functools import partial

from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.machines import CommandStatus, ResetStatus, WirelessStatus
from harness.virtual.cloud.parameters import Kind, Param
from harness.virtual.cloud.rate_plans import METERING
from harness.virtual.cloud.records import Direction, PayloadType, WirelessSim
from harness.virtual.cloud.refusals import WIRELESS_INVALID, WIRELESS_MISSING
from harness.virtual.cloud.resources import (
    DATES,
    METHODS,
    URL,
    Api,
    Call,
    Changed,
    Deleted,
    Field,
    Items,
    Listing,
    Operation,
    Resource,
    Shape,
    identity,
    iso,
    segment,
)
from harness.virtual.cloud.wireless_usage import GRANULARITIES, WirelessUsageRecord, wireless_usage

_Param = partial(Param, invalid=WIRELESS_INVALID, missing=WIRELESS_MISSING)
"""A parameter whose errors have the codes of this product."""

_Url = partial(_Param, kind=Kind.URL, may_be_empty=True)
"""A URL of a resource, which an empty value takes back."""

STATUSES = tuple(WirelessStatus)
COMMAND_STATUSES = tuple(CommandStatus)
DIRECTIONS = (Direction.FROM_SIM, Direction.TO_SIM)
TRANSPORTS = ("sms", "ip")
SERVICES = ("data", "messaging", "voice")
STRATEGIES = ("block", "throttle")
MEGABYTES = 2_000_000

CALLBACK = (_Param(name="CallbackMethod", kind=Kind.ENUM, values=METHODS), _Param(name="CallbackUrl", kind=Kind.URL))

# -- resources --------------------------------------------------------------------------------------------------------


def _twiml(name: str, shape: Shape) -> Field:
    return Field(name=name, shape=shape, read=lambda sim: getattr(sim.twiml, name))


def _reset_status(sim: WirelessSim) -> str | None:
    return None if sim.reset is ResetStatus.NONE else sim.reset.value


def _links(sim: WirelessSim, url: str) -> dict[str, str | None]:
    plan = sim.rate_plan_sid
    root = url.removesuffix(f"/v1/Sims/{sim.sid}")
    return {"data_sessions": f"{url}/DataSessions",
            "rate_plan": f"{root}/v1/RatePlans/{segment(plan)}" if plan else None,
            "usage_records": f"{url}/UsageRecords"}


SIM = Resource(name="wireless.v1.sim", key="sims", path=lambda sim: f"/v1/Sims/{sim.sid}", fields=(
    Field(name="sid", shape=Shape.SID, prefix="DE"), Field(name="unique_name"),
    Field(name="account_sid", shape=Shape.SID, prefix="AC"),
    Field(name="rate_plan_sid", shape=Shape.SID, prefix="WP"), Field(name="friendly_name"), Field(name="iccid"),
    Field(name="e_id"), Field(name="status", shape=Shape.ENUM, values=STATUSES),
    Field(name="reset_status", shape=Shape.ENUM, values=("resetting",), nullable=True,
          read=_reset_status),
    Field(name="commands_callback_url", shape=Shape.URI), Field(name="commands_callback_method", shape=Shape.METHOD),
    _twiml("sms_fallback_method", Shape.METHOD), _twiml("sms_fallback_url", Shape.URI),
    _twiml("sms_method", Shape.METHOD), _twiml("sms_url", Shape.URI),
    _twiml("voice_fallback_method", Shape.METHOD), _twiml("voice_fallback_url", Shape.URI),
    _twiml("voice_method", Shape.METHOD), _twiml("voice_url", Shape.URI), *DATES, URL,
    Field(name="links", shape=Shape.LINKS, links=(("data_sessions", "/DataSessions"), ("rate_plan", ""),
                                                  ("usage_records", "/UsageRecords")), link=_links),
    Field(name="ip_address", read=lambda sim: None),
))

RATE_PLAN = Resource(name="wireless.v1.rate_plan", key="rate_plans", path=lambda plan: f"/v1/RatePlans/{plan.sid}",
                     fields=(
    Field(name="sid", shape=Shape.SID, prefix="WP"), Field(name="unique_name"),
    Field(name="account_sid", shape=Shape.SID, prefix="AC"), Field(name="friendly_name"),
    Field(name="data_enabled", shape=Shape.FLAG), Field(name="data_metering"),
    Field(name="data_limit", shape=Shape.NUMBER), Field(name="messaging_enabled", shape=Shape.FLAG),
    Field(name="voice_enabled", shape=Shape.FLAG), Field(name="national_roaming_enabled", shape=Shape.FLAG),
    Field(name="national_roaming_data_limit", shape=Shape.NUMBER),
    Field(name="international_roaming", shape=Shape.TEXTS, read=lambda plan: list(plan.international_roaming)),
    Field(name="international_roaming_data_limit", shape=Shape.NUMBER), *DATES, URL,
))

COMMAND = Resource(name="wireless.v1.command", key="commands", path=lambda command: f"/v1/Commands/{command.sid}",
                   fields=(
    *identity("DC"), Field(name="sim_sid", shape=Shape.SID, prefix="DE"), Field(name="command"),
    Field(name="command_mode", shape=Shape.ENUM, values=tuple(PayloadType)),
    Field(name="transport", shape=Shape.ENUM, values=TRANSPORTS),
    Field(name="delivery_receipt_requested", shape=Shape.FLAG),
    Field(name="status", shape=Shape.ENUM, values=COMMAND_STATUSES),
    Field(name="direction", shape=Shape.ENUM, values=DIRECTIONS), *DATES, URL,
))

DATA_SESSION = Resource(name="wireless.v1.sim.data_session", key="data_sessions", path=lambda session: "", fields=(
    Field(name="sid"), Field(name="sim_sid"), Field(name="account_sid", shape=Shape.SID, prefix="AC"),
    Field(name="radio_link"), Field(name="operator_mcc"), Field(name="operator_mnc"), Field(name="operator_country"),
    Field(name="operator_name"), Field(name="cell_id"),
    Field(name="cell_location_estimate", shape=Shape.OBJECT, read=lambda session: {}),
    Field(name="packets_uploaded", shape=Shape.NUMBER), Field(name="packets_downloaded", shape=Shape.NUMBER),
    Field(name="last_updated", shape=Shape.DATE), Field(name="start", shape=Shape.DATE),
    Field(name="end", shape=Shape.DATE), Field(name="imei"),
))


def _period(record: WirelessUsageRecord) -> dict[str, str | None]:
    return {"start": iso(record.start), "end": iso(record.end)}


_USAGE = (Field(name="account_sid", shape=Shape.SID, prefix="AC"),
          Field(name="period", shape=Shape.OBJECT, read=_period), Field(name="commands", shape=Shape.OBJECT),
          Field(name="data", shape=Shape.OBJECT))

ACCOUNT_USAGE = Resource(name="wireless.v1.account_usage_record", key="usage_records", path=lambda record: "",
                         fields=_USAGE)
SIM_USAGE = Resource(name="wireless.v1.sim.usage_record", key="usage_records", path=lambda record: "",
                     fields=(Field(name="sim_sid"), *_USAGE))

RESOURCES = (SIM, RATE_PLAN, COMMAND, DATA_SESSION, ACCOUNT_USAGE, SIM_USAGE)

# -- what operations do -----------------------------------------------------------------------------------------------


def _list_sims(cloud: Cloud, call: Call) -> Listing:
    filters: dict[str, object] = {}
    for name, attribute in (("Status", "status"), ("Iccid", "iccid"), ("EId", "e_id"),
                            ("SimRegistrationCode", "registration_code")):
        if (value := call.arguments.text(name)) is not None:
            filters[attribute] = value
    if (plan := call.arguments.text("RatePlan")) is not None:
        found = cloud.rate_plans.plans.find(plan)
        filters["rate_plan_sid"] = found.sid if found else plan
    return Listing(collection=cloud.wireless_sims.sims, filters=filters)


def _update_sim(cloud: Cloud, call: Call) -> Changed:
    sim, running = cloud.wireless_sims.update(call.key, call.arguments)
    return Changed(record=sim, running=running)


def _delete_sim(cloud: Cloud, call: Call) -> Deleted:
    cloud.wireless_sims.delete(call.key)
    return Deleted()


def _list_commands(cloud: Cloud, call: Call) -> Listing:
    filters: dict[str, object] = {}
    if (sim := call.arguments.text("Sim")) is not None:
        found = cloud.wireless_sims.sims.find(sim)
        filters["sim_sid"] = found.sid if found else sim
    for name, attribute in (("Status", "status"), ("Direction", "direction"), ("Transport", "transport")):
        if (value := call.arguments.text(name)) is not None:
            filters[attribute] = value
    return Listing(collection=cloud.commands.commands, filters=filters)


def _delete_command(cloud: Cloud, call: Call) -> Deleted:
    cloud.commands.delete(call.key)
    return Deleted()


def _delete_plan(cloud: Cloud, call: Call) -> Deleted:
    cloud.wireless_sims.delete_plan(call.key)
    return Deleted()


def _account_usage(cloud: Cloud, call: Call) -> Items:
    return Items(items=wireless_usage(cloud.account, cloud.commands.ledger, cloud.rate_plans, call.arguments, None))


def _sim_usage(cloud: Cloud, call: Call) -> Items:
    sim = cloud.wireless_sims.sim(call.key)
    return Items(items=wireless_usage(cloud.account, cloud.commands.ledger, cloud.rate_plans, call.arguments, sim.sid))


# -- operations -------------------------------------------------------------------------------------------------------

_NAMES = (_Param(name="UniqueName", kind=Kind.NAME, prefix="WP"), _Param(name="FriendlyName", maximum=256))


def _megabytes(name: str) -> Param:
    return _Param(name=name, kind=Kind.NUMBER, minimum=0, maximum=MEGABYTES)


_USAGE_PARAMS = (_Param(name="End", kind=Kind.DATE), _Param(name="Start", kind=Kind.DATE),
                 _Param(name="Granularity", kind=Kind.ENUM, values=GRANULARITIES))

_operation = partial(Operation, api=Api.WIRELESS)

OPERATIONS = (
    _operation(name="ListSim", method="GET", path="/v1/Sims", returns=SIM, paged=True, params=(
        _Param(name="Status", kind=Kind.ENUM, values=STATUSES), _Param(name="Iccid"),
        _Param(name="RatePlan", kind=Kind.REFERENCE), _Param(name="EId"), _Param(name="SimRegistrationCode"),
    ), run=_list_sims),
    _operation(name="FetchSim", method="GET", path="/v1/Sims/{Sid}", returns=SIM,
               run=lambda cloud, call: cloud.wireless_sims.sim(call.key)),
    _operation(name="UpdateSim", method="POST", path="/v1/Sims/{Sid}", returns=SIM, runs=True, params=(
        _Param(name="UniqueName", kind=Kind.NAME, prefix="DE"), *CALLBACK,
        _Param(name="FriendlyName", maximum=256), _Param(name="RatePlan", kind=Kind.REFERENCE),
        _Param(name="Status", kind=Kind.ENUM, values=STATUSES),
        _Param(name="CommandsCallbackMethod", kind=Kind.ENUM, values=METHODS),
        _Url(name="CommandsCallbackUrl"),
        _Param(name="SmsFallbackMethod", kind=Kind.ENUM, values=METHODS), _Url(name="SmsFallbackUrl"),
        _Param(name="SmsMethod", kind=Kind.ENUM, values=METHODS), _Url(name="SmsUrl"),
        _Param(name="VoiceFallbackMethod", kind=Kind.ENUM, values=METHODS),
        _Url(name="VoiceFallbackUrl"), _Param(name="VoiceMethod", kind=Kind.ENUM, values=METHODS),
        _Url(name="VoiceUrl"), _Param(name="ResetStatus", kind=Kind.ENUM, values=("resetting",)),
        _Param(name="AccountSid", kind=Kind.SID, prefix="AC"),
    ), run=_update_sim),
    _operation(name="DeleteSim", method="DELETE", path="/v1/Sims/{Sid}", success=204, run=_delete_sim),
    _operation(name="ListDataSession", method="GET", path="/v1/Sims/{SimSid}/DataSessions", returns=DATA_SESSION,
               paged=True, run=lambda cloud, call: Listing(
                   collection=cloud.wireless_meter.sessions,
                   filters={"sim_sid": cloud.wireless_sims.sim(call.key).sid})),
    _operation(name="ListUsageRecord", method="GET", path="/v1/Sims/{SimSid}/UsageRecords", returns=SIM_USAGE,
               paged=True, params=_USAGE_PARAMS, run=_sim_usage),
    _operation(name="ListAccountUsageRecord", method="GET", path="/v1/UsageRecords", returns=ACCOUNT_USAGE, paged=True,
               params=_USAGE_PARAMS, run=_account_usage),
    _operation(name="CreateCommand", method="POST", path="/v1/Commands", returns=COMMAND, success=201, params=(
        _Param(name="Command", required=True), _Param(name="Sim", kind=Kind.REFERENCE), *CALLBACK,
        _Param(name="CommandMode", kind=Kind.ENUM, values=tuple(PayloadType)),
        _Param(name="IncludeSid", kind=Kind.ENUM, values=("none", "start", "end")),
        _Param(name="DeliveryReceiptRequested", kind=Kind.FLAG),
    ), run=lambda cloud, call: cloud.commands.create(call.arguments)),
    _operation(name="ListCommand", method="GET", path="/v1/Commands", returns=COMMAND, paged=True, params=(
        _Param(name="Sim", kind=Kind.REFERENCE), _Param(name="Status", kind=Kind.ENUM, values=COMMAND_STATUSES),
        _Param(name="Direction", kind=Kind.ENUM, values=DIRECTIONS),
        _Param(name="Transport", kind=Kind.ENUM, values=TRANSPORTS),
    ), run=_list_commands),
    _operation(name="FetchCommand", sids={"Sid": "DC"}, method="GET", path="/v1/Commands/{Sid}", returns=COMMAND,
               run=lambda cloud, call: cloud.commands.command(call.key)),
    _operation(name="DeleteCommand", sids={"Sid": "DC"}, method="DELETE", path="/v1/Commands/{Sid}",
               success=204, run=_delete_command),
    _operation(name="CreateRatePlan", method="POST", path="/v1/RatePlans", returns=RATE_PLAN, success=201, params=(
        *_NAMES, _Param(name="DataEnabled", kind=Kind.FLAG), _megabytes("DataLimit"),
        _Param(name="DataMetering", kind=Kind.ENUM, values=METERING),
        _Param(name="MessagingEnabled", kind=Kind.FLAG), _Param(name="VoiceEnabled", kind=Kind.FLAG),
        _Param(name="NationalRoamingEnabled", kind=Kind.FLAG),
        _Param(name="InternationalRoaming", kind=Kind.ENUMS, values=SERVICES),
        _megabytes("NationalRoamingDataLimit"), _megabytes("InternationalRoamingDataLimit"),
        _Param(name="DataLimitStrategy", kind=Kind.ENUM, values=STRATEGIES),
    ), run=lambda cloud, call: cloud.rate_plans.create(call.arguments)),
    _operation(name="ListRatePlan", method="GET", path="/v1/RatePlans", returns=RATE_PLAN, paged=True,
               run=lambda cloud, call: Listing(collection=cloud.rate_plans.plans)),
    _operation(name="FetchRatePlan", method="GET", path="/v1/RatePlans/{Sid}", returns=RATE_PLAN,
               run=lambda cloud, call: cloud.rate_plans.plan(call.key)),
    _operation(name="UpdateRatePlan", method="POST", path="/v1/RatePlans/{Sid}", returns=RATE_PLAN, params=_NAMES,
               run=lambda cloud, call: cloud.rate_plans.update(call.key, call.arguments)),
    _operation(name="DeleteRatePlan", method="DELETE", path="/v1/RatePlans/{Sid}", success=204, run=_delete_plan),
)
