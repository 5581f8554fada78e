"""Super SIM v1: its resources and operations, declared."""

from __future__ import annotations

from dataclasses import replace

from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.machines import CommandStatus, EsimStatus, SettingsStatus, SimStatus
from harness.virtual.cloud.parameters import Kind, Param
from harness.virtual.cloud.records import Direction, PayloadType, PeriodType, SettingsUpdate
from harness.virtual.cloud.refusals import SIM_PARAMETER_MISSING, USAGE_INVALID
from harness.virtual.cloud.resources import (
    CALLBACK,
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
    SubRecord,
    identity,
    iso,
)
from harness.virtual.cloud.supersim_usage import GROUPS, UsageRecord, usage_records
from harness.virtual.cloud.usage import Granularity

SMS_STATUSES = tuple(CommandStatus)
IP_STATUSES = tuple(status for status in CommandStatus if status is not CommandStatus.DELIVERED)
DIRECTIONS = tuple(Direction)
PACKAGES = "https://twilio.com/docs/iot/supersim/settings-packages/"
"""Where the packages of a settings update are described."""


def _identifiers(pairs: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"mcc": mcc, "mnc": mnc} for mcc, mnc in pairs]


# -- resources ----------------------------------------------------------------------------------------------------

SIM = Resource(name="supersim.v1.sim", key="sims", path=lambda sim: f"/v1/Sims/{sim.sid}", fields=(
    *identity("HS"), Field(name="unique_name"), Field(name="iccid"),
    Field(name="status", shape=Shape.ENUM, values=tuple(SimStatus)),
    Field(name="fleet_sid", shape=Shape.SID, prefix="HF"), *DATES, URL,
    Field(name="links", shape=Shape.LINKS, links=(("billing_periods", "/BillingPeriods"),
                                                  ("sim_ip_addresses", "/IpAddresses"))),
))

FLEET = Resource(name="supersim.v1.fleet", key="fleets", path=lambda fleet: f"/v1/Fleets/{fleet.sid}", fields=(
    *identity("HF"), Field(name="unique_name"), *DATES, URL, Field(name="data_enabled", shape=Shape.FLAG),
    Field(name="data_limit", shape=Shape.NUMBER),
    Field(name="data_metering", shape=Shape.ENUM, values=("payg",), read=lambda fleet: "payg"),
    Field(name="sms_commands_enabled", shape=Shape.FLAG), Field(name="sms_commands_url", shape=Shape.URI),
    Field(name="sms_commands_method", shape=Shape.METHOD),
    Field(name="network_access_profile_sid", shape=Shape.SID, prefix="HA", read=lambda fleet: fleet.access_profile_sid),
    Field(name="ip_commands_url", shape=Shape.URI), Field(name="ip_commands_method", shape=Shape.METHOD),
))

NETWORK = Resource(name="supersim.v1.network", key="networks", path=lambda item: f"/v1/Networks/{item.sid}", fields=(
    Field(name="sid", shape=Shape.SID, prefix="HW"), Field(name="friendly_name"), URL, Field(name="iso_country"),
    Field(name="identifiers", shape=Shape.ARRAY, read=lambda network: _identifiers(network.identifiers)),
))

PROFILE = Resource(
    name="supersim.v1.network_access_profile", key="network_access_profiles",
    path=lambda profile: f"/v1/NetworkAccessProfiles/{profile.sid}", fields=(
        *identity("HA"), Field(name="unique_name"), *DATES, URL,
        Field(name="links", shape=Shape.LINKS, links=(("networks", "/Networks"),)),
    ))

PROFILE_NETWORK = Resource(
    name="supersim.v1.network_access_profile.network_access_profile_network", key="networks",
    path=lambda sub: f"/v1/NetworkAccessProfiles/{sub.owner.sid}/Networks/{sub.item.sid}", fields=(
        Field(name="sid", shape=Shape.SID, prefix="HW", read=lambda sub: sub.item.sid),
        Field(name="network_access_profile_sid", shape=Shape.SID, prefix="HA", read=lambda sub: sub.owner.sid),
        Field(name="friendly_name", read=lambda sub: sub.item.friendly_name),
        Field(name="iso_country", read=lambda sub: sub.item.iso_country.lower()),
        Field(name="identifiers", shape=Shape.ARRAY, read=lambda sub: _identifiers(sub.item.identifiers)), URL,
    ))

SMS_COMMAND = Resource(
    name="supersim.v1.sms_command", key="sms_commands", path=lambda command: f"/v1/SmsCommands/{command.sid}", fields=(
        *identity("HC"), Field(name="sim_sid", shape=Shape.SID, prefix="HS"), Field(name="payload"),
        Field(name="status", shape=Shape.ENUM, values=SMS_STATUSES),
        Field(name="direction", shape=Shape.ENUM, values=DIRECTIONS), *DATES, URL,
    ))

IP_COMMAND = Resource(
    name="supersim.v1.ip_command", key="ip_commands", path=lambda command: f"/v1/IpCommands/{command.sid}", fields=(
        *identity("HG"), Field(name="sim_sid", shape=Shape.SID, prefix="HS"), Field(name="sim_iccid"),
        Field(name="status", shape=Shape.ENUM, values=IP_STATUSES),
        Field(name="direction", shape=Shape.ENUM, values=DIRECTIONS), Field(name="device_ip"),
        Field(name="device_port", shape=Shape.NUMBER),
        Field(name="payload_type", shape=Shape.ENUM, values=tuple(PayloadType)), Field(name="payload"), *DATES, URL,
    ))

BILLING_PERIOD = Resource(
    name="supersim.v1.sim.billing_period", key="billing_periods", path=lambda period: "", fields=(
        *identity("HB"), Field(name="sim_sid", shape=Shape.SID, prefix="HS"),
        Field(name="start_time", shape=Shape.DATE), Field(name="end_time", shape=Shape.DATE),
        Field(name="period_type", shape=Shape.ENUM, values=tuple(PeriodType)), *DATES,
    ))

SIM_IP_ADDRESS = Resource(
    name="supersim.v1.sim.sim_ip_address", key="ip_addresses", path=lambda address: "", fields=(
        Field(name="ip_address", read=str),
        Field(name="ip_address_version", shape=Shape.ENUM, values=("IPv4", "IPv6"),
              read=lambda address: "IPv6" if ":" in address else "IPv4"),
    ))

ESIM_PROFILE = Resource(
    name="supersim.v1.esim_profile", key="esim_profiles", path=lambda profile: f"/v1/ESimProfiles/{profile.sid}",
    fields=(
        *identity("HP"), Field(name="iccid"), Field(name="sim_sid", shape=Shape.SID, prefix="HS"),
        Field(name="status", shape=Shape.ENUM, values=tuple(EsimStatus)), Field(name="eid"),
        Field(name="smdp_plus_address"), Field(name="matching_id"), Field(name="activation_code"),
        Field(name="error_code"), Field(name="error_message"), *DATES, URL,
    ))


def _packages(update: SettingsUpdate) -> list[dict[str, str]]:
    return [{"name": name, "version": version, "more_info": f"{PACKAGES}{name}"} for name, version in update.packages]


SETTINGS_UPDATE = Resource(
    name="supersim.v1.settings_update", key="settings_updates", path=lambda update: "", fields=(
        Field(name="sid", shape=Shape.SID, prefix="OB"), Field(name="iccid"),
        Field(name="sim_sid", shape=Shape.SID, prefix="HS"),
        Field(name="status", shape=Shape.ENUM, values=tuple(SettingsStatus)),
        Field(name="packages", shape=Shape.ARRAY, read=_packages), Field(name="date_completed", shape=Shape.DATE),
        *DATES,
    ))


def _period(record: UsageRecord) -> dict[str, str | None]:
    return {"start_time": iso(record.start_time), "end_time": iso(record.end_time)}


USAGE_RECORD = Resource(
    name="supersim.v1.usage_record", key="usage_records", path=lambda record: "", fields=(
        Field(name="account_sid", shape=Shape.SID, prefix="AC"), Field(name="sim_sid", shape=Shape.SID, prefix="HS"),
        Field(name="network_sid", shape=Shape.SID, prefix="HW"), Field(name="fleet_sid", shape=Shape.SID, prefix="HF"),
        Field(name="iso_country", format="iso-country-code"), Field(name="period", shape=Shape.OBJECT, read=_period),
        Field(name="data_upload", shape=Shape.OCTETS), Field(name="data_download", shape=Shape.OCTETS),
        Field(name="data_total", shape=Shape.OCTETS), Field(name="data_total_billed"),
        Field(name="billed_unit", format="currency"),
    ))

RESOURCES = (SIM, BILLING_PERIOD, SIM_IP_ADDRESS, FLEET, NETWORK, PROFILE, PROFILE_NETWORK, SMS_COMMAND, IP_COMMAND,
             ESIM_PROFILE, SETTINGS_UPDATE, USAGE_RECORD)

# -- what operations do ---------------------------------------------------------------------------------------------


def _list_sims(cloud: Cloud, call: Call) -> Listing:
    filters: dict[str, object] = {}
    if (status := call.arguments.text("Status")) is not None:
        filters["status"] = status
    if (fleet := call.arguments.text("Fleet")) is not None:
        found = cloud.fleets.fleets.find(fleet)
        filters["fleet_sid"] = found.sid if found else fleet
    if (iccid := call.arguments.text("Iccid")) is not None:
        filters["iccid"] = iccid
    return Listing(collection=cloud.sims.sims, filters=filters)


def _update_sim(cloud: Cloud, call: Call) -> Changed:
    sim, running = cloud.sims.update(call.key, call.arguments)
    return Changed(record=sim, running=running)


def _list_fleets(cloud: Cloud, call: Call) -> Listing:
    key = call.arguments.text("NetworkAccessProfile")
    if key is None:
        return Listing(collection=cloud.fleets.fleets)
    found = cloud.fleets.profiles.find(key)
    return Listing(collection=cloud.fleets.fleets, filters={"access_profile_sid": found.sid if found else key})


def _command_filters(cloud: Cloud, call: Call) -> dict[str, object]:
    filters: dict[str, object] = {}
    if (sim := call.arguments.text("Sim")) is not None:
        found = cloud.sims.sims.find(sim)
        filters["sim_sid"] = found.sid if found else sim
    for name, attribute in (("SimIccid", "sim_iccid"), ("Status", "status"), ("Direction", "direction")):
        if (value := call.arguments.text(name)) is not None:
            filters[attribute] = value
    return filters


def _profile_networks(cloud: Cloud, call: Call) -> Items:
    profile = cloud.fleets.profile(call.key)
    return Items(items=tuple(SubRecord(owner=profile, item=cloud.fleets.network(sid))
                             for sid in reversed(profile.networks)))


def _allow_network(cloud: Cloud, call: Call) -> SubRecord:
    profile, network = cloud.fleets.allow_network(call.key, call.arguments.required("Network"))
    return SubRecord(owner=profile, item=network)


def _allowed_network(cloud: Cloud, call: Call) -> SubRecord:
    profile, network = cloud.fleets.allowed_network(*call.keys)
    return SubRecord(owner=profile, item=network)


def _forbid_network(cloud: Cloud, call: Call) -> Deleted:
    cloud.fleets.forbid_network(*call.keys)
    return Deleted()


def _list_billing_periods(cloud: Cloud, call: Call) -> Listing:
    sim = cloud.sims.sim(call.key)
    cloud.sims.billing.settle(sim)
    return Listing(collection=cloud.sims.billing.periods, filters={"sim_sid": sim.sid})


def _list_esim_profiles(cloud: Cloud, call: Call) -> Listing:
    filters = {attribute: value for name, attribute in (("Eid", "eid"), ("SimSid", "sim_sid"), ("Status", "status"))
               if (value := call.arguments.text(name)) is not None}
    return Listing(collection=cloud.esim_profiles.profiles, filters=filters)


def _list_usage(cloud: Cloud, call: Call) -> Items:
    def find_sim(key: str) -> str:
        found = cloud.sims.sims.find(key)
        return found.sid if found else key

    def find_fleet(key: str) -> str:
        found = cloud.fleets.fleets.find(key)
        return found.sid if found else key

    return Items(items=usage_records(cloud.account, cloud.supersim_meter.ledger, call.arguments, find_sim, find_fleet))


# -- operations -------------------------------------------------------------------------------------------------------

SIM_PARAM = Param(name="Sim", kind=Kind.REFERENCE, required=True)

_FLEET_URLS = (Param(name="IpCommandsUrl", kind=Kind.URL), Param(name="SmsCommandsUrl", kind=Kind.URL))

_FLEET_CHANGES = (
    Param(name="IpCommandsMethod", kind=Kind.ENUM, values=METHODS),
    Param(name="SmsCommandsMethod", kind=Kind.ENUM, values=METHODS),
    Param(name="DataLimit", kind=Kind.NUMBER, minimum=1, maximum=2_000_000),
    Param(name="UniqueName", kind=Kind.NAME, prefix="HF"),
)

OPERATIONS = (
    Operation(name="CreateSim", api=Api.SUPERSIM, method="POST", path="/v1/Sims", returns=SIM, success=201, params=(
        Param(name="Iccid", required=True, missing=SIM_PARAMETER_MISSING),
        Param(name="RegistrationCode", required=True, missing=SIM_PARAMETER_MISSING),
    ), run=lambda cloud, call: cloud.sims.register(call.arguments)),
    Operation(name="ListSim", api=Api.SUPERSIM, method="GET", path="/v1/Sims", returns=SIM, paged=True, params=(
        Param(name="Status", kind=Kind.ENUM, values=tuple(SimStatus)), Param(name="Fleet", kind=Kind.REFERENCE),
        Param(name="Iccid"),
    ), run=_list_sims),
    Operation(name="FetchSim", api=Api.SUPERSIM, method="GET", path="/v1/Sims/{Sid}", returns=SIM,
              run=lambda cloud, call: cloud.sims.sim(call.key)),
    Operation(name="UpdateSim", api=Api.SUPERSIM, method="POST", path="/v1/Sims/{Sid}", returns=SIM, runs=True,
              params=(
        Param(name="UniqueName", kind=Kind.NAME, prefix="HS"),
        Param(name="Status", kind=Kind.ENUM, values=("ready", "active", "inactive")),
        Param(name="Fleet", kind=Kind.REFERENCE), *CALLBACK, Param(name="AccountSid", kind=Kind.SID, prefix="AC"),
    ), run=_update_sim),
    Operation(name="CreateFleet", api=Api.SUPERSIM, method="POST", path="/v1/Fleets", returns=FLEET, success=201,
              params=(
        Param(name="NetworkAccessProfile", kind=Kind.REFERENCE, required=True), *_FLEET_URLS, *_FLEET_CHANGES,
        Param(name="DataEnabled", kind=Kind.FLAG), Param(name="SmsCommandsEnabled", kind=Kind.FLAG),
    ), run=lambda cloud, call: cloud.fleets.create_fleet(call.arguments)),
    Operation(name="ListFleet", api=Api.SUPERSIM, method="GET", path="/v1/Fleets", returns=FLEET, paged=True, params=(
        Param(name="NetworkAccessProfile", kind=Kind.REFERENCE),
    ), run=_list_fleets),
    Operation(name="FetchFleet", api=Api.SUPERSIM, method="GET", path="/v1/Fleets/{Sid}", returns=FLEET,
              run=lambda cloud, call: cloud.fleets.fleet(call.key)),
    Operation(name="UpdateFleet", api=Api.SUPERSIM, method="POST", path="/v1/Fleets/{Sid}", returns=FLEET, params=(
        Param(name="NetworkAccessProfile", kind=Kind.REFERENCE, minimum=1), *_FLEET_CHANGES,
        *(replace(param, may_be_empty=True) for param in _FLEET_URLS),
    ), run=lambda cloud, call: cloud.fleets.update_fleet(call.key, call.arguments)),
    Operation(name="ListNetwork", api=Api.SUPERSIM, method="GET", path="/v1/Networks", returns=NETWORK, paged=True,
              params=(
        Param(name="IsoCountry"), Param(name="Mcc"), Param(name="Mnc"),
    ), run=lambda cloud, call: Items(items=tuple(cloud.fleets.matching_networks(call.arguments)))),
    Operation(name="FetchNetwork", api=Api.SUPERSIM, sids={"Sid": "HW"}, method="GET", path="/v1/Networks/{Sid}",
              returns=NETWORK,
              run=lambda cloud, call: cloud.fleets.network(call.key)),
    Operation(name="CreateNetworkAccessProfile", api=Api.SUPERSIM, method="POST", path="/v1/NetworkAccessProfiles",
              returns=PROFILE, success=201, params=(
                  Param(name="UniqueName", kind=Kind.NAME, prefix="HA"),
                  Param(name="Networks", kind=Kind.SIDS, prefix="HW"),
              ), run=lambda cloud, call: cloud.fleets.create_profile(call.arguments)),
    Operation(name="ListNetworkAccessProfile", api=Api.SUPERSIM, method="GET", path="/v1/NetworkAccessProfiles",
              returns=PROFILE, paged=True, run=lambda cloud, call: Listing(collection=cloud.fleets.profiles)),
    Operation(name="FetchNetworkAccessProfile", api=Api.SUPERSIM, method="GET", path="/v1/NetworkAccessProfiles/{Sid}",
              returns=PROFILE, run=lambda cloud, call: cloud.fleets.profile(call.key)),
    Operation(name="UpdateNetworkAccessProfile", api=Api.SUPERSIM, method="POST",
              path="/v1/NetworkAccessProfiles/{Sid}", returns=PROFILE,
              params=(Param(name="UniqueName", kind=Kind.NAME, prefix="HA"),),
              run=lambda cloud, call: cloud.fleets.update_profile(call.key, call.arguments)),
    Operation(name="CreateNetworkAccessProfileNetwork", api=Api.SUPERSIM, method="POST",
              path="/v1/NetworkAccessProfiles/{NetworkAccessProfileSid}/Networks", returns=PROFILE_NETWORK, success=201,
              params=(Param(name="Network", kind=Kind.SID, prefix="HW", required=True),), run=_allow_network),
    Operation(name="ListNetworkAccessProfileNetwork", api=Api.SUPERSIM, method="GET", paged=True,
              path="/v1/NetworkAccessProfiles/{NetworkAccessProfileSid}/Networks", returns=PROFILE_NETWORK,
              run=_profile_networks),
    Operation(name="FetchNetworkAccessProfileNetwork", api=Api.SUPERSIM, sids={"Sid": "HW"}, method="GET",
              returns=PROFILE_NETWORK,
              path="/v1/NetworkAccessProfiles/{NetworkAccessProfileSid}/Networks/{Sid}", run=_allowed_network),
    Operation(name="DeleteNetworkAccessProfileNetwork", api=Api.SUPERSIM,
              sids={"NetworkAccessProfileSid": "HA", "Sid": "HW"}, method="DELETE", success=204,
              path="/v1/NetworkAccessProfiles/{NetworkAccessProfileSid}/Networks/{Sid}", run=_forbid_network),
    Operation(name="CreateSmsCommand", api=Api.SUPERSIM, method="POST", path="/v1/SmsCommands", returns=SMS_COMMAND,
              success=201, params=(SIM_PARAM, Param(name="Payload", required=True), *CALLBACK),
              run=lambda cloud, call: cloud.sms_commands.create(call.arguments)),
    Operation(name="ListSmsCommand", api=Api.SUPERSIM, method="GET", path="/v1/SmsCommands", returns=SMS_COMMAND,
              paged=True, params=(
                  Param(name="Sim", kind=Kind.REFERENCE), Param(name="Status", kind=Kind.ENUM, values=SMS_STATUSES),
                  Param(name="Direction", kind=Kind.ENUM, values=DIRECTIONS),
              ), run=lambda cloud, call: Listing(collection=cloud.sms_commands.commands,
                                                 filters=_command_filters(cloud, call))),
    Operation(name="FetchSmsCommand", api=Api.SUPERSIM, sids={"Sid": "HC"}, method="GET",
              path="/v1/SmsCommands/{Sid}", returns=SMS_COMMAND,
              run=lambda cloud, call: cloud.sms_commands.command(call.key)),
    Operation(name="CreateIpCommand", api=Api.SUPERSIM, method="POST", path="/v1/IpCommands", returns=IP_COMMAND,
              success=201, params=(
                  SIM_PARAM, Param(name="Payload", required=True),
                  Param(name="DevicePort", kind=Kind.NUMBER, required=True, minimum=1, maximum=65_535),
                  Param(name="PayloadType", kind=Kind.ENUM, values=tuple(PayloadType)), *CALLBACK,
              ), run=lambda cloud, call: cloud.ip_commands.create(call.arguments)),
    Operation(name="ListIpCommand", api=Api.SUPERSIM, method="GET", path="/v1/IpCommands", returns=IP_COMMAND,
              paged=True, params=(
                  Param(name="Sim", kind=Kind.REFERENCE), Param(name="SimIccid"),
                  Param(name="Status", kind=Kind.ENUM, values=IP_STATUSES),
                  Param(name="Direction", kind=Kind.ENUM, values=DIRECTIONS),
              ), run=lambda cloud, call: Listing(collection=cloud.ip_commands.commands,
                                                 filters=_command_filters(cloud, call))),
    Operation(name="FetchIpCommand", api=Api.SUPERSIM, sids={"Sid": "HG"}, method="GET",
              path="/v1/IpCommands/{Sid}", returns=IP_COMMAND,
              run=lambda cloud, call: cloud.ip_commands.command(call.key)),
    Operation(name="ListBillingPeriod", api=Api.SUPERSIM, method="GET", path="/v1/Sims/{SimSid}/BillingPeriods",
              returns=BILLING_PERIOD, paged=True, run=_list_billing_periods),
    Operation(name="ListSimIpAddress", api=Api.SUPERSIM, method="GET", path="/v1/Sims/{SimSid}/IpAddresses",
              returns=SIM_IP_ADDRESS, paged=True,
              run=lambda cloud, call: Items(items=cloud.sims.sim(call.key).addresses)),
    Operation(name="CreateEsimProfile", api=Api.SUPERSIM, method="POST", path="/v1/ESimProfiles", returns=ESIM_PROFILE,
              success=201, params=(
                  *CALLBACK, Param(name="GenerateMatchingId", kind=Kind.FLAG), Param(name="Eid"),
              ), run=lambda cloud, call: cloud.esim_profiles.create(call.arguments)),
    Operation(name="ListEsimProfile", api=Api.SUPERSIM, method="GET", path="/v1/ESimProfiles", returns=ESIM_PROFILE,
              paged=True, params=(
                  Param(name="Eid"), Param(name="SimSid"),
                  Param(name="Status", kind=Kind.ENUM, values=tuple(EsimStatus)),
              ), run=_list_esim_profiles),
    Operation(name="FetchEsimProfile", api=Api.SUPERSIM, method="GET", path="/v1/ESimProfiles/{Sid}",
              returns=ESIM_PROFILE, run=lambda cloud, call: cloud.esim_profiles.profile(call.key)),
    Operation(name="ListSettingsUpdate", api=Api.SUPERSIM, method="GET", path="/v1/SettingsUpdates",
              returns=SETTINGS_UPDATE, paged=True, params=(
                  Param(name="Sim", kind=Kind.REFERENCE),
                  Param(name="Status", kind=Kind.ENUM, values=tuple(SettingsStatus)),
              ), run=lambda cloud, call: Listing(collection=cloud.settings_updates.updates,
                                                 filters=_command_filters(cloud, call))),
    Operation(name="ListUsageRecord", api=Api.SUPERSIM, method="GET", path="/v1/UsageRecords", returns=USAGE_RECORD,
              paged=True, params=(
                  Param(name="Sim", kind=Kind.REFERENCE, invalid=USAGE_INVALID),
                  Param(name="Fleet", kind=Kind.REFERENCE, invalid=USAGE_INVALID),
                  Param(name="Network", kind=Kind.SID, prefix="HW", invalid=USAGE_INVALID),
                  Param(name="IsoCountry", format="iso-country-code", minimum=2, maximum=2, invalid=USAGE_INVALID),
                  Param(name="Group", kind=Kind.ENUM, values=GROUPS, invalid=USAGE_INVALID),
                  Param(name="Granularity", kind=Kind.ENUM, values=tuple(Granularity), invalid=USAGE_INVALID),
                  Param(name="StartTime", kind=Kind.DATE, invalid=USAGE_INVALID),
                  Param(name="EndTime", kind=Kind.DATE, invalid=USAGE_INVALID),
              ), run=_list_usage),
)
