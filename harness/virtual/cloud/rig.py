"""What happens to an account outside its APIs: devices fetch eSIM profiles, the platform, the operator, mishaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import UsageError
from harness.formats.sid import check_sid
from harness.virtual.cloud.connection_events import Sink
from harness.virtual.cloud.records import EsimProfile, RatePlan, SettingsUpdate, Sim

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import Cloud


class Rig:
    """The hand behind one cloud: everything that no client can do. Each method is a turn of the world.

    Example::

        cloud.rig.plan_failure(83004)              # the next update of a Super SIM fails
        cloud.rig.add_event_sink("http://127.0.0.1:8000/events")
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def __repr__(self) -> str:
        return f"Rig({self._cloud!r})"

    # -- accounts and mishaps ------------------------------------------------------------------------------------------

    def plan_failure(self, code: int, count: int = 1) -> None:
        """Let the service fail with an error code of its own the next ``count`` times that it could.

        These can be planned: 33000, 33004, 83000, 83004, 83400, 83500, 83700 and 83701.

        Raises:
            UsageError: the code is none of these.
        """
        with self._cloud.world.turn():
            self._cloud.account.plan_failure(code, count)

    def add_subaccount(self, sid: str | None = None) -> str:
        """Give the account a subaccount that new Sims may be moved to, and return its SID."""
        with self._cloud.world.turn():
            found = check_sid(sid, "AC") if sid is not None else f"AC{self._cloud.account.draws['subaccounts'].hex()}"
            self._cloud.account.subaccounts[found] = None
            return found

    def suspend(self, suspended: bool = True) -> None:
        """Suspend the account: updates that are under way are given up; or take that back."""
        with self._cloud.world.turn():
            self._cloud.account.suspended = suspended

    def set_operator_maintenance(self, on: bool) -> None:
        """Let the operator of Programmable Wireless take no updates: they read ``scheduled`` until it does again."""
        with self._cloud.world.turn():
            self._cloud.wireless_sims.set_maintenance(on)

    # -- connection events ---------------------------------------------------------------------------------------------

    def add_event_sink(self, url: str, types: tuple[str, ...] = ()) -> Sink:
        """Post connection events of Super SIMs to a URL as JSON arrays of CloudEvents.

        Args:
            types: such as ``attachment.accepted``; all if empty.

        Raises:
            UsageError: there is no such type.
        """
        with self._cloud.world.turn():
            return self._cloud.connection_events.add_sink(url, types)

    def connection_events(self) -> list[dict[str, object]]:
        """Return the last connection events of Super SIMs as CloudEvents, the oldest first."""
        with self._cloud.world.turn():
            return list(self._cloud.connection_events.events)

    def remove_event_sink(self, sid: str) -> None:
        """Post no more connection events to a sink; no error if there is none of this SID."""
        with self._cloud.world.turn():
            self._cloud.connection_events.remove_sink(sid)

    # -- Super SIMs ----------------------------------------------------------------------------------------------------

    def set_addresses(self, sim: str, addresses: tuple[str, ...]) -> None:
        """Give a Super SIM static addresses of a private network, which its IpAddresses list.

        Raises:
            UsageError: there is no such Sim.
        """
        with self._cloud.world.turn():
            found = self._sim(sim)
            self._cloud.sims.sims.change(found, found.date_updated, addresses=addresses)

    def schedule_settings_update(self, sim: str, packages: tuple[tuple[str, str], ...] = (("base-settings", "1.0.0"),),
                                 ) -> SettingsUpdate:
        """Let the platform write settings packages (name, version) to a Super SIM when its device is attached.

        Raises:
            UsageError: there is no such Sim.
        """
        with self._cloud.world.turn():
            return self._cloud.settings_updates.schedule(self._sim(sim), packages)

    def _sim(self, key: str) -> Sim:
        found = self._cloud.sims.sims.find(key)
        if found is None:
            raise UsageError(f"there is no Super SIM {key!r}")
        return found

    # -- eSIM profiles -------------------------------------------------------------------------------------------------

    def set_esim_stock(self, count: int) -> None:
        """Say how many eSIM profiles can still be reserved."""
        with self._cloud.world.turn():
            self._cloud.esim_profiles.stock = count

    def download_esim(self, key: str) -> EsimProfile:
        """Let a device fetch the available profile with this SID, EID or matching id.

        Raises:
            UsageError: there is none.
        """
        with self._cloud.world.turn():
            return self._cloud.esim_profiles.downloaded(key)

    def install_esim(self, key: str) -> EsimProfile:
        """Let the eUICC install a profile that was downloaded.

        Raises:
            UsageError: there is none.
        """
        with self._cloud.world.turn():
            return self._cloud.esim_profiles.installed(key)

    def fail_esim(self, key: str, code: str, message: str) -> EsimProfile:
        """Let the download or installation of a profile fail.

        Raises:
            UsageError: there is none that is available or downloaded.
        """
        with self._cloud.world.turn():
            return self._cloud.esim_profiles.failed(key, code, message)

    # -- Programmable Wireless -----------------------------------------------------------------------------------------

    def add_narrowband_plan(self, unique_name: str) -> RatePlan:
        """Make a rate plan for NB-IoT cards, which no API can.

        Raises:
            Refused: the name is taken.
        """
        with self._cloud.world.turn():
            return self._cloud.rate_plans.everything(unique_name, narrowband=True)
