"""Settings updates of Super SIMs: what the platform writes to cards over the air. No API begins one."""

from __future__ import annotations

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.machines import SETTINGS_UPDATE, By, SettingsStatus
from harness.virtual.cloud.records import SettingsUpdate, Sim
from harness.virtual.cloud.store import Collection

KEPT = 100_000
"""Settings updates that are kept; the oldest go first."""


class SettingsUpdates:
    """The settings updates of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._attached: dict[str, None] = {}
        self.updates: Collection[SettingsUpdate] = Collection(
            "SettingsUpdates", indexed=("sim_sid", "status"), limit=KEPT, evict=True)
        account.agenda.on(Due.SETTINGS_STEP, self._written)

    def __repr__(self) -> str:
        return f"SettingsUpdates({len(self.updates)})"

    def schedule(self, sim: Sim, packages: tuple[tuple[str, str], ...]) -> SettingsUpdate:
        """Let packages (name, version) be written to a card, as soon as its device is attached."""
        stamp = self._account.stamp("OB")
        update = self.updates.add(SettingsUpdate(**stamp, iccid=sim.iccid, sim_sid=sim.sid, packages=packages))
        self._account.record("settings_update_scheduled", device=sim.sid, sid=update.sid)
        if sim.sid in self._attached:
            self._begin(update)
        return update

    def attached(self, sim: Sim) -> None:
        """Go on with what waits for this Sim's device."""
        self._attached[sim.sid] = None
        for update in self._of(sim, SettingsStatus.SCHEDULED):
            self._begin(update)

    def detached(self, sim: Sim) -> None:
        """Give up what is being written: the device has left."""
        self._attached.pop(sim.sid, None)
        for update in self._of(sim, SettingsStatus.IN_PROGRESS):
            self._account.agenda.cancel(Due.SETTINGS_STEP, update.sid)
            self._move(update, SettingsStatus.FAILED, By.NETWORK)

    def _of(self, sim: Sim, status: SettingsStatus) -> list[SettingsUpdate]:
        if not len(self.updates):
            return []
        found = self.updates.page({"sim_sid": sim.sid, "status": status}, size=KEPT).records
        return found[::-1]

    def _begin(self, update: SettingsUpdate) -> None:
        self._move(update, SettingsStatus.IN_PROGRESS, By.NETWORK)
        delay = to_ns(self._account.choices.settings_update)
        self._account.agenda.set(Due.SETTINGS_STEP, update.sid, self._account.world.now() + delay)

    def _written(self, sid: str) -> None:
        update = self.updates.get(sid)
        if update is not None:
            self._move(update, SettingsStatus.SUCCESSFUL, By.SYSTEM)

    def _move(self, update: SettingsUpdate, target: SettingsStatus, by: By) -> None:
        SETTINGS_UPDATE.move(update.status, target, by)
        now = self._account.now()
        done = now if target is SettingsStatus.SUCCESSFUL else None
        self.updates.change(update, now, status=target, date_completed=done)
        self._account.record("settings_update_moved", device=update.sim_sid, sid=update.sid, status=target.value)
