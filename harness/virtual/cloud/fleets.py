"""Fleets, and the networks and access profiles they need."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.countries import country_of
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import AccessProfile, Fleet, Network
from harness.virtual.cloud.refusals import Refused, not_found
from harness.virtual.cloud.store import Collection

DEFAULT_NAME = "default"
"""Unique name of the profile and the Fleet that Sims of a rig belong to unless told otherwise."""

NETWORKS = (
    ("Test Network", "US", (("001", "01"),)),
    ("AT&T", "US", (("310", "410"),)),
    ("T-Mobile US", "US", (("310", "260"),)),
    ("Vodafone UK", "GB", (("234", "15"),)),
    ("Telekom Deutschland", "DE", (("262", "01"),)),
)
"""Networks every account sees: friendly name, ISO country, pairs of MCC and MNC. 001-01 is the ITU's test network."""


class Fleets:
    """Networks, access profiles and Fleets of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._changed: list[Callable[[Fleet], None]] = []
        self._plmns: dict[str, tuple[int, frozenset[str]]] = {}
        self._by_plmn: dict[str, Network] = {}
        self.networks: Collection[Network] = Collection("Networks", indexed=("iso_country",), limit=5_000)
        self.profiles: Collection[AccessProfile] = Collection(
            "NetworkAccessProfiles", unique=("unique_name",), limit=10_000)
        self.fleets: Collection[Fleet] = Collection(
            "Fleets", unique=("unique_name",), indexed=("access_profile_sid",), limit=10_000)
        for friendly_name, iso_country, identifiers in NETWORKS:
            self.add_network(friendly_name, iso_country, identifiers)
        self.default_profile_sid = self._add_profile(DEFAULT_NAME, tuple(network.sid for network in self.networks)).sid

    def __repr__(self) -> str:
        return f"Fleets({len(self.fleets)} fleets, {len(self.profiles)} profiles, {len(self.networks)} networks)"

    def on_change(self, action: Callable[[Fleet], None]) -> None:
        """Call ``action`` with every Fleet whose networks or data limit have changed."""
        self._changed.append(action)

    def plmns(self, fleet: Fleet) -> frozenset[str] | None:
        """Return the networks that Sims of a Fleet may use, as MCC and MNC in digits; None if all."""
        profile = self.profiles.get(fleet.access_profile_sid)
        if profile is None or (profile.sid == self.default_profile_sid
                               and len(profile.networks) == len(self.networks)):
            return None  # the default profile grows with the list of networks; any other one allows what it names
        if not profile.networks and self._account.choices.empty_access_profile == "all":
            return None
        found = self._plmns.get(profile.sid)
        if found is None or found[0] != profile.revision:
            networks = filter(None, map(self.networks.get, profile.networks))
            found = profile.revision, frozenset(mcc + mnc for item in networks for mcc, mnc in item.identifiers)
            self._plmns[profile.sid] = found
        return found[1]

    def network_of(self, plmn: str, name: str) -> Network:
        """Return the network with this MCC and MNC; one that nobody listed is added under its name."""
        found = self._by_plmn.get(plmn)
        if found is None:
            found = self.add_network(name or plmn, country_of(plmn).alpha2, ((plmn[:3], plmn[3:]),))
            default = self.profiles.get(self.default_profile_sid)
            if default is not None:
                self.profiles.change(default, default.date_updated, networks=(*default.networks, found.sid))
        return found

    def add_network(self, friendly_name: str, iso_country: str, identifiers: tuple[tuple[str, str], ...]) -> Network:
        """Let the account see one more network."""
        network = self.networks.add(Network(
            **self._account.stamp("HW"), friendly_name=friendly_name,
            iso_country=iso_country, identifiers=identifiers))
        for mcc, mnc in identifiers:
            self._by_plmn.setdefault(mcc + mnc, network)
        return network

    def restored(self) -> None:
        """Go on after networks and profiles were taken up again."""
        self._plmns.clear()
        self._by_plmn.clear()
        for network in self.networks:
            for mcc, mnc in network.identifiers:
                self._by_plmn.setdefault(mcc + mnc, network)

    def network(self, key: str) -> Network:
        """Return a network by its SID."""
        return self.networks.get(key) or _missing("Networks", key)

    def matching_networks(self, arguments: Arguments) -> list[Network]:
        """Return the networks of a country, with an MCC or MNC, newest first."""
        country, mcc, mnc = arguments.text("IsoCountry"), arguments.text("Mcc"), arguments.text("Mnc")
        return [network for network in reversed(list(self.networks))
                if (country is None or network.iso_country == country.upper())
                and any((mcc is None or pair[0] == mcc) and (mnc is None or pair[1] == mnc)
                        for pair in network.identifiers)]

    # -- access profiles ------------------------------------------------------------------------------------------

    def profile(self, key: str) -> AccessProfile:
        """Return a profile by its SID or unique name."""
        return self.profiles.find(key) or _missing("NetworkAccessProfiles", key)

    def create_profile(self, arguments: Arguments) -> AccessProfile:
        """Make a profile that allows the given networks."""
        name = arguments.text("UniqueName") or None
        self.profiles.check("unique_name", name, code=self._account.choices.duplicate)
        networks = tuple(self._referenced_network(sid, of_profile=False).sid for sid in arguments.texts("Networks"))
        return self._add_profile(name, networks)

    def update_profile(self, key: str, arguments: Arguments) -> AccessProfile:
        """Rename a profile."""
        profile = self.profile(key)
        if "UniqueName" in arguments:
            name = arguments.text("UniqueName") or None
            self.profiles.check("unique_name", name, code=self._account.choices.duplicate, but=profile)
            self.profiles.change(profile, self._account.now(), unique_name=name)
        return profile

    def allow_network(self, key: str, network_sid: str) -> tuple[AccessProfile, Network]:
        """Add a network to a profile."""
        profile, network = self.profile(key), self._referenced_network(network_sid)
        if network.sid in profile.networks:
            raise Refused(self._account.choices.duplicate, f"{network.sid} is in {profile.sid} already")
        self.profiles.change(profile, self._account.now(), networks=(*profile.networks, network.sid))
        self._profile_changed(profile)
        return profile, network

    def allowed_network(self, key: str, network_sid: str) -> tuple[AccessProfile, Network]:
        """Return a network of a profile."""
        profile = self.profile(key)
        if network_sid not in profile.networks:
            raise not_found(f"/NetworkAccessProfiles/{key}/Networks/{network_sid}")
        return profile, self.network(network_sid)

    def forbid_network(self, key: str, network_sid: str) -> None:
        """Take a network out of a profile."""
        profile, network = self.allowed_network(key, network_sid)
        self.profiles.change(profile, self._account.now(),
                             networks=tuple(sid for sid in profile.networks if sid != network.sid))
        self._profile_changed(profile)

    def _profile_changed(self, profile: AccessProfile) -> None:
        for fleet in self.fleets.page({"access_profile_sid": profile.sid}, size=len(self.fleets) or 1).records:
            self._fleet_changed(fleet)

    def _fleet_changed(self, fleet: Fleet) -> None:
        for action in self._changed:
            action(fleet)

    def _add_profile(self, name: str | None, networks: tuple[str, ...]) -> AccessProfile:
        return self.profiles.add(AccessProfile(
            **self._account.stamp("HA"), unique_name=name, networks=networks))

    # -- fleets -----------------------------------------------------------------------------------------------------

    def fleet(self, key: str) -> Fleet:
        """Return a Fleet by its SID or unique name."""
        return self.fleets.find(key) or _missing("Fleets", key)

    def create_fleet(self, arguments: Arguments) -> Fleet:
        """Make a Fleet."""
        choices = self._account.choices
        name = arguments.text("UniqueName") or None
        self.fleets.check("unique_name", name, code=self._account.choices.duplicate)
        profile = self._referenced_profile(arguments.required("NetworkAccessProfile"), of_fleet=False)
        fleet = self.fleets.add(Fleet(
            **self._account.stamp("HF"), unique_name=name,
            access_profile_sid=profile.sid, data_enabled=arguments.flag("DataEnabled", True),
            data_limit=arguments.number("DataLimit", choices.default_data_limit_mb),
            sms_commands_enabled=arguments.flag("SmsCommandsEnabled", choices.default_sms_commands_enabled),
            sms_commands_url=arguments.text("SmsCommandsUrl") or None,
            sms_commands_method=arguments.text("SmsCommandsMethod") or "POST",
            ip_commands_url=arguments.text("IpCommandsUrl") or None,
            ip_commands_method=arguments.text("IpCommandsMethod") or "POST"))
        self._account.record("fleet_created", device=fleet.sid, unique_name=name)
        return fleet

    def update_fleet(self, key: str, arguments: Arguments) -> Fleet:
        """Change what may be changed: whether data and SMS are enabled is fixed when the Fleet is made."""
        fleet = self.fleet(key)
        changes: dict[str, object] = {}
        if "UniqueName" in arguments:
            changes["unique_name"] = name = arguments.text("UniqueName") or None
            self.fleets.check("unique_name", name, code=self._account.choices.duplicate, but=fleet)
        if "NetworkAccessProfile" in arguments:
            changes["access_profile_sid"] = self._referenced_profile(arguments.required("NetworkAccessProfile")).sid
        for parameter, attribute in (("SmsCommandsUrl", "sms_commands_url"), ("IpCommandsUrl", "ip_commands_url")):
            if parameter in arguments:
                changes[attribute] = arguments.url(parameter, getattr(fleet, attribute),
                                                   empty=self._account.choices.empty_url)
        for parameter, attribute in (("SmsCommandsMethod", "sms_commands_method"),
                                     ("IpCommandsMethod", "ip_commands_method")):
            if parameter in arguments:
                changes[attribute] = arguments.required(parameter)
        if "DataLimit" in arguments:
            changes["data_limit"] = arguments.number("DataLimit", fleet.data_limit)
        if changes:
            self.fleets.change(fleet, self._account.now(), **changes)
            self._account.record("fleet_updated", device=fleet.sid, changed=tuple(sorted(changes)))
            if "access_profile_sid" in changes:
                self._fleet_changed(fleet)
            if "data_limit" in changes:
                delay = to_ns(self._account.choices.data_limit_change)
                self._account.agenda.set(Due.DATA_LIMIT, fleet.sid, self._account.world.now() + delay)
        return fleet

    def default_fleet(self) -> Fleet:
        """Return the Fleet of Sims that were put into the world without one; made when first asked for."""
        found = self.fleets.by("unique_name", DEFAULT_NAME)
        return found or self.create_fleet(Arguments({"UniqueName": DEFAULT_NAME,
                                                     "NetworkAccessProfile": self.default_profile_sid}))

    def _referenced_profile(self, key: str, *, of_fleet: bool = True) -> AccessProfile:
        found = self.profiles.find(key)
        if found is None:
            raise self._account.unknown("NetworkAccessProfile", key, of_resource=of_fleet)
        return found

    def _referenced_network(self, sid: str, *, of_profile: bool = True) -> Network:
        found = self.networks.get(sid)
        if found is None:
            raise self._account.unknown("Network", sid, of_resource=of_profile)
        return found


def _missing(kind: str, key: str) -> NoReturn:
    raise not_found(f"/{kind}/{key}")
