"""Super SIM at the near end: Sims, Fleets, SMS Commands and IP Commands."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping

from harness.drivers.cloud.esim import ESimProfiles, SettingsUpdate, settings_updates
from harness.drivers.cloud.networks import NetworkAccessProfiles, Networks
from harness.drivers.cloud.resource import CloudResource, StatusResource, form_of, segment
from harness.drivers.cloud.supersim_usage import (
    BillingPeriod,
    IpAddress,
    UsageRecord,
    billing_periods,
    ip_addresses,
    usage_records,
)
from harness.drivers.cloud.transport import Transport
from harness.errors import NotFound

_ICCID = re.compile(r"89[0-9]{16,20}F?")


class SmsCommand(StatusResource):
    """A text to or from a device. Status: queued, sent, then delivered or failed; received if it came from one."""

    collection = "SmsCommands"
    final = frozenset({"delivered", "failed", "received"})

    @property
    def payload(self) -> str:
        """The text."""
        return self._text("payload")

    @property
    def direction(self) -> str:
        """``to_sim`` or ``from_sim``."""
        return self._text("direction")

    @property
    def sim_sid(self) -> str:
        """The Sim it went to or came from."""
        return self._text("sim_sid")


class IpCommand(StatusResource):
    """A datagram to or from a device. Status: queued, then sent or failed; received if it came from one."""

    collection = "IpCommands"
    final = frozenset({"sent", "failed", "received"})

    @property
    def payload(self) -> bytes:
        """The bytes of the datagram."""
        text = self._text("payload")
        return base64.b64decode(text) if self.data.get("payload_type") == "binary" else text.encode()

    @property
    def direction(self) -> str:
        """``to_sim`` or ``from_sim``."""
        return self._text("direction")

    @property
    def sim_sid(self) -> str:
        """The Sim it went to or came from."""
        return self._text("sim_sid")

    @property
    def device_ip(self) -> str | None:
        """The device's address; None before it was sent."""
        return self._optional("device_ip")

    @property
    def device_port(self) -> int:
        """The port it was sent to, or came from."""
        return int(self.data["device_port"])


class Sim(StatusResource):
    """A Super SIM."""

    collection = "Sims"

    @property
    def iccid(self) -> str:
        """The number of the card."""
        return self._text("iccid")

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    @property
    def fleet_sid(self) -> str | None:
        """The Fleet it is in, if it is in one."""
        return self._optional("fleet_sid")

    def send_sms(self, payload: str, *, callback_url: str = "", callback_method: str = "") -> SmsCommand:
        """Send a text of up to 160 characters to the device and return the Command.

        Raises:
            ApiError: the API refused: text too long, Sim not ready or active, ...
            CloudUnreachable: there was no answer; it may have been sent nevertheless.
        """
        form = {"Sim": self.sid, "Payload": payload} | _callback(callback_url, callback_method)
        return SmsCommand(self._transport, self._root, self._transport.post(f"{self._root}/v1/SmsCommands", form))

    def send_ip(self, payload: bytes | str, port: int, *, callback_url: str = "",
                callback_method: str = "") -> IpCommand:
        """Send a datagram of up to 1,300 bytes to a port of the device and return the Command.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been sent nevertheless.
        """
        text, kind = (payload, "text") if isinstance(payload, str) else (base64.b64encode(payload).decode(), "binary")
        form = {"Sim": self.sid, "Payload": text, "PayloadType": kind, "DevicePort": str(port)}
        form |= _callback(callback_url, callback_method)
        return IpCommand(self._transport, self._root, self._transport.post(f"{self._root}/v1/IpCommands", form))

    def update(self, *, status: str | None = None, unique_name: str | None = None, fleet: str | None = None,
               callback_url: str = "", callback_method: str = "") -> Sim:
        """Change the Sim and return it; a new status, or Fleet while in use, takes its time: :meth:`wait_status`.

        Args:
            status: ``ready``, ``active`` or ``inactive``.
            fleet: SID or unique name; an empty string takes the Sim out of its Fleet.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        form = _given(Status=status, UniqueName=unique_name, Fleet=fleet) | _callback(callback_url, callback_method)
        self.data = self._transport.post(self._url, form)
        return self

    def move_to(self, account_sid: str) -> Sim:
        """Give the Sim to a sub-account of this one, as long as its status is ``new``, and return it.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have been moved nevertheless.
        """
        self.data = self._transport.post(self._url, {"AccountSid": account_sid})
        return self

    def billing_periods(self) -> Iterator[BillingPeriod]:
        """Give the billing periods, newest first."""
        return billing_periods(self._transport, self._url)

    def ip_addresses(self) -> Iterator[IpAddress]:
        """Give the static addresses of a Sim with a VPN; none for others."""
        return ip_addresses(self._transport, self._url)

    def usage_records(self, **filters: str) -> Iterator[UsageRecord]:
        """Give the usage of this Sim; filters as in :meth:`SuperSim.usage_records`."""
        return usage_records(self._transport, self._root, {"sim": self.sid, **filters})

    def sms_commands(self, **filters: str) -> Iterator[SmsCommand]:
        """Give the SMS Commands of this Sim; filters: ``status``, ``direction``."""
        return _sms_commands(self._transport, self._root, {"sim": self.sid, **filters})

    def ip_commands(self, **filters: str) -> Iterator[IpCommand]:
        """Give the IP Commands of this Sim; filters: ``status``, ``direction``."""
        return _ip_commands(self._transport, self._root, {"sim": self.sid, **filters})


class Fleet(CloudResource):
    """Settings shared by Sims."""

    collection = "Fleets"

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    @property
    def network_access_profile_sid(self) -> str:
        """The profile that says which networks its Sims may use."""
        return self._text("network_access_profile_sid")

    @property
    def data_enabled(self) -> bool:
        """Whether its Sims may use data."""
        return bool(self.data["data_enabled"])

    @property
    def data_limit(self) -> int:
        """Megabytes that each Sim may use in a billing period."""
        return int(self.data["data_limit"])

    @property
    def sms_commands_enabled(self) -> bool:
        """Whether its Sims may send and get SMS Commands."""
        return bool(self.data["sms_commands_enabled"])

    @property
    def sms_commands_url(self) -> str | None:
        """Where texts from its devices are told."""
        return self._optional("sms_commands_url")

    @property
    def ip_commands_url(self) -> str | None:
        """Where datagrams from its devices are told."""
        return self._optional("ip_commands_url")

    def update(self, **changes: str | int | None) -> Fleet:
        """Change the Fleet and return it: ``unique_name``, ``network_access_profile``, ``data_limit`` (megabytes),
        ``sms_commands_url``, ``sms_commands_method``, ``ip_commands_url``, ``ip_commands_method``.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        self.data = self._transport.post(self._url, form_of(changes))
        return self


class Fleets:
    """The Fleets of the account."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root

    def __repr__(self) -> str:
        return f"Fleets({self._root!r})"

    def __iter__(self) -> Iterator[Fleet]:
        for data in self._transport.pages(f"{self._root}/v1/Fleets", "fleets"):
            yield Fleet(self._transport, self._root, data)

    def get(self, key: str) -> Fleet:
        """Return a Fleet by SID or unique name.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return Fleet(self._transport, self._root, self._transport.get(f"{self._root}/v1/Fleets/{segment(key)}"))

    def create(self, *, network_access_profile: str, **settings: str | int | bool | None) -> Fleet:
        """Make a Fleet: settings as in :meth:`Fleet.update`, and ``data_enabled``, ``sms_commands_enabled``.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been made nevertheless.
        """
        form = form_of({"network_access_profile": network_access_profile, **settings})
        return Fleet(self._transport, self._root, self._transport.post(f"{self._root}/v1/Fleets", form))


class SuperSim:
    """The Super SIM API."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root
        self.fleets = Fleets(transport, root)
        self.networks = Networks(transport, root)
        self.network_access_profiles = NetworkAccessProfiles(transport, root)
        self.esim_profiles = ESimProfiles(transport, root)

    def __repr__(self) -> str:
        return f"SuperSim({self._root!r})"

    def sim(self, key: str) -> Sim:
        """Return a Sim by SID, unique name or ICCID.

        Raises:
            ApiError: the account has none of this key.
            CloudUnreachable: there was no answer.
        """
        if not _ICCID.fullmatch(key):
            return Sim(self._transport, self._root, self._transport.get(f"{self._root}/v1/Sims/{segment(key)}"))
        found = next(self.sims(iccid=key), None)
        if found is None:
            raise NotFound(f"the account has no Sim with ICCID {key}", status=404, code=20404)
        return found

    def sims(self, **filters: str) -> Iterator[Sim]:
        """Give the Sims; filters: ``status``, ``fleet``, ``iccid``."""
        for data in self._transport.pages(f"{self._root}/v1/Sims", "sims", form_of(filters)):
            yield Sim(self._transport, self._root, data)

    def register_sim(self, iccid: str, registration_code: str) -> Sim:
        """Make a card the account's own.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been registered nevertheless.
        """
        form = {"Iccid": iccid, "RegistrationCode": registration_code}
        return Sim(self._transport, self._root, self._transport.post(f"{self._root}/v1/Sims", form))

    def sms_commands(self, **filters: str) -> Iterator[SmsCommand]:
        """Give SMS Commands, newest first; filters: ``sim``, ``status``, ``direction``."""
        return _sms_commands(self._transport, self._root, filters)

    def ip_commands(self, **filters: str) -> Iterator[IpCommand]:
        """Give IP Commands, newest first; filters: ``sim``, ``sim_iccid``, ``status``, ``direction``."""
        return _ip_commands(self._transport, self._root, filters)

    def sms_command(self, sid: str) -> SmsCommand:
        """Return an SMS Command.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return SmsCommand(self._transport, self._root,
                          self._transport.get(f"{self._root}/v1/SmsCommands/{segment(sid)}"))

    def ip_command(self, sid: str) -> IpCommand:
        """Return an IP Command.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return IpCommand(self._transport, self._root, self._transport.get(f"{self._root}/v1/IpCommands/{segment(sid)}"))

    def settings_updates(self, **filters: str) -> Iterator[SettingsUpdate]:
        """Give the updates of eSIM and card settings; filters: ``sim``, ``status``."""
        return settings_updates(self._transport, self._root, filters)

    def usage_records(self, **filters: str) -> Iterator[UsageRecord]:
        """Give usage; filters: ``sim``, ``fleet``, ``network``, ``iso_country``, ``group`` (``sim``, ``fleet``,
        ``network``, ``isoCountry``), ``granularity`` (``hour``, ``day``, ``all``), ``start_time``, ``end_time``.
        """
        return usage_records(self._transport, self._root, filters)


def _sms_commands(transport: Transport, root: str, filters: Mapping[str, str]) -> Iterator[SmsCommand]:
    for data in transport.pages(f"{root}/v1/SmsCommands", "sms_commands", form_of(filters)):
        yield SmsCommand(transport, root, data)


def _ip_commands(transport: Transport, root: str, filters: Mapping[str, str]) -> Iterator[IpCommand]:
    for data in transport.pages(f"{root}/v1/IpCommands", "ip_commands", form_of(filters)):
        yield IpCommand(transport, root, data)


def _callback(url: str, method: str) -> dict[str, str]:
    return _given(CallbackUrl=url or None, CallbackMethod=method or None)


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
