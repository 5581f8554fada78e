"""Super SIM's eSIM profiles, and the updates of settings on cards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.drivers.cloud.resource import StatusResource, form_of, segment
from harness.drivers.cloud.transport import Transport


class ESimProfile(StatusResource):
    """An eSIM profile. Status: new, reserving, available, downloaded, installed, or failed."""

    collection = "ESimProfiles"
    final = frozenset({"failed"})

    @property
    def iccid(self) -> str | None:
        """The number of the card that it makes; None before it was reserved."""
        return self._optional("iccid")

    @property
    def sim_sid(self) -> str | None:
        """Its Sim; None before it was reserved."""
        return self._optional("sim_sid")

    @property
    def eid(self) -> str | None:
        """The eUICC it was ordered for; None if whoever has the matching id may have it."""
        return self._optional("eid")

    @property
    def smdp_plus_address(self) -> str | None:
        """Host that devices download it from; None before it was reserved."""
        return self._optional("smdp_plus_address")

    @property
    def matching_id(self) -> str | None:
        """What a device shows there; None if it was ordered for one eUICC, or not reserved yet."""
        return self._optional("matching_id")

    @property
    def activation_code(self) -> str | None:
        """``1$<host>$<matching id>`` (SGP.22 clause 4.1), with ``LPA:`` before it in a QR code; None without an id."""
        return self._optional("activation_code")

    @property
    def error(self) -> tuple[str, str] | None:
        """Code and message of a failure, if it failed."""
        code = self._optional("error_code")
        return None if code is None else (code, self._optional("error_message") or "")


class ESimProfiles:
    """The eSIM profiles of the account."""

    def __init__(self, transport: Transport, root: str) -> None:
        self._transport = transport
        self._root = root

    def __repr__(self) -> str:
        return f"ESimProfiles({self._root!r})"

    def __iter__(self) -> Iterator[ESimProfile]:
        return self.find()

    def find(self, **filters: str) -> Iterator[ESimProfile]:
        """Give profiles; filters: ``eid``, ``sim_sid``, ``status``."""
        for data in self._transport.pages(f"{self._root}/v1/ESimProfiles", "esim_profiles", form_of(filters)):
            yield ESimProfile(self._transport, self._root, data)

    def get(self, sid: str) -> ESimProfile:
        """Return a profile.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return ESimProfile(self._transport, self._root,
                           self._transport.get(f"{self._root}/v1/ESimProfiles/{segment(sid)}"))

    def create(self, *, eid: str | None = None, generate_matching_id: bool | None = None,
               callback_url: str | None = None, callback_method: str | None = None) -> ESimProfile:
        """Order a profile, for one eUICC or with a matching id, and return it: :meth:`ESimProfile.wait_status`.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; it may have been ordered nevertheless.
        """
        form = form_of({"eid": eid, "generate_matching_id": generate_matching_id, "callback_url": callback_url,
                        "callback_method": callback_method})
        return ESimProfile(self._transport, self._root, self._transport.post(f"{self._root}/v1/ESimProfiles", form))


class SettingsUpdate(StatusResource):
    """An update of the settings on a card. Status: scheduled, in-progress, successful or failed."""

    collection = "SettingsUpdates"
    final = frozenset({"successful", "failed"})

    @property
    def sim_sid(self) -> str:
        """The Sim whose card it is."""
        return self._text("sim_sid")

    @property
    def iccid(self) -> str:
        """The number of the card."""
        return self._text("iccid")

    @property
    def packages(self) -> dict[str, str]:
        """Version by name of the settings that will be on the card."""
        return {item["name"]: item["version"] for item in self.data.get("packages") or ()}

    @property
    def date_completed(self) -> str | None:
        """When it was written: UTC, ISO 8601; None before."""
        return self._optional("date_completed")


def settings_updates(transport: Transport, root: str, filters: Mapping[str, str]) -> Iterator[SettingsUpdate]:
    """Give the settings updates; filters: ``sim``, ``status``."""
    for data in transport.pages(f"{root}/v1/SettingsUpdates", "settings_updates", form_of(filters)):
        yield SettingsUpdate(transport, root, data)
