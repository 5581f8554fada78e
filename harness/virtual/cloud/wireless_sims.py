"""Programmable Wireless Sims: their updates, what follows by itself, and what a card may do right now."""

from __future__ import annotations

from harness.clock import to_ns
from harness.errors import UsageError
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.fleets import Fleets
from harness.virtual.cloud.machines import RESET, WIRELESS_SIM, By, DataStatus, ResetStatus, WirelessStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.rate_plans import Place, RatePlans
from harness.virtual.cloud.records import Callback, RatePlan, WirelessSim, WirelessUpdate
from harness.virtual.cloud.refusals import (
    CATALOGUE,
    CONFLICT,
    WIRELESS_FAILED,
    WIRELESS_UNAUTHORIZED,
    WIRELESS_UNAVAILABLE,
    Refused,
    not_found,
)
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.cloud.wireless_checks import Change, check_update
from harness.virtual.network.seams import Messaging, Subscription

COMMAND_NUMBER = "2936"
"""Short code that devices send Commands to."""

_BUSY = (WirelessStatus.UPDATING, WirelessStatus.SCHEDULED)
_USABLE = (WirelessStatus.READY, WirelessStatus.ACTIVE)
_INTERMEDIATE = (WirelessStatus.READY, WirelessStatus.DEACTIVATED)


class WirelessSims:
    """The Programmable Wireless Sims of one account.

    Attributes:
        cells: PLMN of the cell that a Sim is attached to, by SID.
        maintenance: whether the operator takes no updates now: they read ``scheduled`` until it does.
    """

    def __init__(self, account: Account, plans: RatePlans, fleets: Fleets, webhooks: Webhooks,
                 messaging: Messaging) -> None:
        self._account = account
        self._plans = plans
        self._fleets = fleets
        self._webhooks = webhooks
        self._messaging = messaging
        self.cells: dict[str, str] = {}
        self.maintenance = False
        self.sims: Collection[WirelessSim] = Collection(
            "Sims", unique=("unique_name", "iccid", "registration_code"), indexed=("status", "rate_plan_sid", "e_id"))
        for kind, action in ((Due.WIRELESS_UPDATE, self._finish), (Due.WIRELESS_TRIAL, self._trial_over),
                             (Due.WIRELESS_CANCEL, self._cancel), (Due.WIRELESS_RESET, self._reset_over)):
            account.agenda.on(kind, action)

    def __repr__(self) -> str:
        return f"WirelessSims({len(self.sims)})"

    # -- look-up ------------------------------------------------------------------------------------------------------

    def sim(self, key: str) -> WirelessSim:
        """Return a Sim by its SID or unique name."""
        found = self.sims.find(key)
        if found is None:
            raise not_found(f"/Sims/{key}")
        return found

    def plan_of(self, sim: WirelessSim) -> RatePlan | None:
        """Return the rate plan of a Sim, if it has one."""
        return None if sim.rate_plan_sid is None else self._plans.plans.get(sim.rate_plan_sid)

    def place_of(self, sim: WirelessSim) -> Place:
        """Return where a Sim is attached, or was last; home if it never was."""
        return self._plans.place(self.cells.get(sim.sid, ""))

    def subscription(self, iccid: str) -> Subscription | None:
        """Return what the owner lets a card do, None if no account has it."""
        sim = self.sims.by("iccid", iccid)
        if sim is None:
            return None
        plan = self.plan_of(sim)
        usable = sim.usable and plan is not None and sim.reset is ResetStatus.NONE
        if plan is None:
            return Subscription(sim_sid=sim.sid, attach_allowed=False, sms_allowed=False, data_allowed=False,
                                command_number=COMMAND_NUMBER)
        abroad = self.place_of(sim) is Place.INTERNATIONAL
        roaming = plan.international_roaming
        return Subscription(
            sim_sid=sim.sid, attach_allowed=usable, sms_allowed=usable and (not abroad or "messaging" in roaming),
            data_allowed=(usable and plan.data_enabled and sim.data is DataStatus.OPEN
                          and (not abroad or "data" in roaming)),
            networks=self._networks(plan), command_number=COMMAND_NUMBER)

    def _networks(self, plan: RatePlan) -> frozenset[str] | None:
        """Return the networks that a plan allows; None if all. A network that nobody listed is in no plan but that."""
        allowed = {Place.HOME: True, Place.NATIONAL: plan.national_roaming_enabled,
                   Place.INTERNATIONAL: bool(plan.international_roaming)}
        if all(allowed.values()):
            return None
        plmns = [mcc + mnc for network in self._fleets.networks for mcc, mnc in network.identifiers]
        home = self._account.choices.wireless_home
        return frozenset([home, *(plmn for plmn in plmns if allowed[self._plans.place(plmn)])])

    # -- putting Sims into the world ----------------------------------------------------------------------------------

    def add(self, iccid: str, *, status: WirelessStatus, plan: str | None, unique_name: str | None,
            registration_code: str | None, e_id: str | None, narrowband: bool) -> WirelessSim:
        """Put a Sim into the world: no API makes one.

        Raises:
            UsageError: ICCID, name or code are taken, there is no such rate plan, or the status can't be had like this.
        """
        if status in _BUSY:
            raise UsageError(f"a Sim can't begin as '{status}': that is an update under way")
        for attribute, value in (("iccid", iccid), ("unique_name", unique_name),
                                 ("registration_code", registration_code)):
            if value is not None and self.sims.by(attribute, value) is not None:
                raise UsageError(f"there is a Sim whose {attribute} is {value!r} already")
        known = self._plans.plans.find(plan) if plan is not None else None
        if plan is not None and known is None:
            raise UsageError(f"there is no rate plan {plan!r}")
        if known is None and status in _USABLE:
            known = self._plans.default(narrowband=narrowband)
        sim = self.sims.add(WirelessSim(
            **self._account.stamp("DE"), iccid=iccid, unique_name=unique_name, registration_code=registration_code,
            e_id=e_id, narrowband=narrowband, rate_plan_sid=known.sid if known else None, status=status))
        self._account.record("wireless_sim_registered", device=sim.sid, iccid=iccid, status=status.value)
        self._entered(sim, status, Callback())
        self._messaging.subscription_changed(iccid)
        return sim

    # -- updates ------------------------------------------------------------------------------------------------------

    def update(self, key: str, arguments: Arguments) -> tuple[WirelessSim, bool]:
        """Change a Sim; return it and whether the change is still under way. All is checked before anything changes."""
        sim = self.sim(key)
        self._account.refuse_if_planned(WIRELESS_UNAVAILABLE)
        change = check_update(self._account, self.sims, self._plans, sim, arguments, maintenance=self.maintenance)
        values = dict(change.values)
        if change.plan_at_once:
            values["rate_plan_sid"] = change.rate_plan_sid
        if values:
            self.sims.change(sim, self._account.now(), **values)
            self._account.record("wireless_sim_updated", device=sim.sid, changed=tuple(sorted(values)))
        if change.account_sid is not None:
            self.sims.remove(sim)
            self._account.record("sim_transferred", device=sim.sid, account_sid=change.account_sid)
        if change.reset:
            self._reset(sim, arguments.callback())
        if change.under_way:
            self._begin(sim, change, arguments.callback())
        return sim, change.under_way and self._account.choices.wireless_update_status == 202

    def delete(self, key: str) -> None:
        """Forget a Sim."""
        sim = self.sim(key)
        if sim.status not in self._account.choices.wireless_delete:
            raise Refused(CONFLICT, f"a Sim that is '{sim.status}' can't be deleted")
        for kind in (Due.WIRELESS_UPDATE, Due.WIRELESS_TRIAL, Due.WIRELESS_CANCEL, Due.WIRELESS_RESET,
                     Due.WIRELESS_PERIOD):
            self._account.agenda.cancel(kind, sim.sid)
        self.sims.remove(sim)
        self._account.record("wireless_sim_deleted", device=sim.sid)
        self._messaging.subscription_changed(sim.iccid)

    def delete_plan(self, key: str) -> None:
        """Forget a rate plan."""
        plan = self._plans.plan(key)
        used = self.sims.count({"rate_plan_sid": plan.sid})
        if used and self._account.choices.wireless_plan_in_use == "conflict":
            raise Refused(CONFLICT, f"{plan.sid} is the rate plan of {used} Sims")
        for sim in self.sims.page({"rate_plan_sid": plan.sid}, size=used or 1).records:
            self.sims.change(sim, self._account.now(), rate_plan_sid=None)
            self._messaging.subscription_changed(sim.iccid)
        self._plans.plans.remove(plan)

    def set_maintenance(self, on: bool) -> None:
        """Let the operator take no updates, or take them again: those that waited go on."""
        self.maintenance = on
        if not on:
            waiting = self.sims.page({"status": WirelessStatus.SCHEDULED}, size=len(self.sims) or 1).records
            for sim in waiting[::-1]:
                self.sims.change(sim, self._account.now(), status=WirelessStatus.UPDATING)
                self._due(sim)

    def _begin(self, sim: WirelessSim, change: Change, callback: Callback) -> None:
        update = WirelessUpdate(target=change.status, rate_plan_sid=change.rate_plan_sid, callback=callback)
        before = sim.status
        reads = WirelessStatus.SCHEDULED if self.maintenance else WirelessStatus.UPDATING
        self.sims.change(sim, self._account.now(), status=reads, before=before, update=update)
        self._account.record("wireless_update_began", device=sim.sid, source=before.value, target=change.status.value,
                             reads=reads.value)
        if not self.maintenance:
            self._due(sim)

    def _due(self, sim: WirelessSim) -> None:
        delay = to_ns(self._account.choices.wireless_update)
        self._account.agenda.set(Due.WIRELESS_UPDATE, sim.sid, self._account.world.now() + delay)

    def _finish(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is None or sim.update is None or sim.before is None:
            return
        update, before, now = sim.update, sim.before, self._account.now()
        code = (WIRELESS_UNAUTHORIZED if self._account.suspended
                else WIRELESS_FAILED if self._account.fails(WIRELESS_FAILED) else 0)
        if code:
            self.sims.change(sim, now, status=before, before=None, update=None)
            if before is WirelessStatus.DEACTIVATED and self._account.agenda.instant(Due.WIRELESS_CANCEL, sid) is None:
                self._account.agenda.set(Due.WIRELESS_CANCEL, sid, self._account.world.now())  # its time came meanwhile
            self._account.record("wireless_update_failed", device=sim.sid, status=before.value, code=code)
            self._account.notify(code, CATALOGUE[code], resource_sid=sim.sid)
            self._webhooks.wireless_sim(sim, update.callback, code=code, message=CATALOGUE[code])
            return
        only_plan = update.target is WirelessStatus.READY and before is WirelessStatus.ACTIVE  # it became so meanwhile
        target = before if only_plan else update.target
        self.sims.change(sim, now, status=target, before=None, update=None, rate_plan_sid=update.rate_plan_sid)
        if target is not before:
            self._entered(sim, target, update.callback)
        self._account.record("wireless_status_changed", device=sim.sid, status=target.value, by="api")
        self._messaging.subscription_changed(sim.iccid)
        if self._account.choices.wireless_callback_intermediate or target not in _INTERMEDIATE or target is before:
            self._webhooks.wireless_sim(sim, update.callback)

    def _entered(self, sim: WirelessSim, status: WirelessStatus, callback: Callback) -> None:
        agenda, now = self._account.agenda, self._account.now()
        agenda.cancel(Due.WIRELESS_TRIAL, sim.sid)
        agenda.cancel(Due.WIRELESS_CANCEL, sim.sid)
        self.sims.touch(sim)
        sim.later = None
        if status in _USABLE and sim.metered_since is None:
            sim.metered_since, sim.metered_until = now, add_months(now, 1)
        if status is WirelessStatus.READY:
            sim.commands = sim.traffic = 0
            sim.later = callback
            over = add_months(now, self._account.choices.trial_months)
            agenda.set(Due.WIRELESS_TRIAL, sim.sid, self._account.instant(over))
        elif status is WirelessStatus.DEACTIVATED:
            sim.later = callback
            agenda.set(Due.WIRELESS_CANCEL, sim.sid,
                       self._account.world.now() + to_ns(self._account.choices.wireless_cancel))

    # -- what follows by itself ---------------------------------------------------------------------------------------

    def count(self, sim: WirelessSim, *, commands: int = 0, octets: int = 0) -> None:
        """Count what a ready Sim uses, and activate it when what is free is used up."""
        if sim.effective is not WirelessStatus.READY:
            return
        choices = self._account.choices
        sim.commands += commands
        sim.traffic += octets
        self.sims.touch(sim)
        if sim.commands >= choices.trial_commands or sim.traffic >= choices.trial_kilobytes * 1_000:
            self._follow(sim, WirelessStatus.READY, WirelessStatus.ACTIVE)

    def _trial_over(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is not None and sim.effective is WirelessStatus.READY:
            self._follow(sim, WirelessStatus.READY, WirelessStatus.ACTIVE)

    def _cancel(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is not None and sim.effective is WirelessStatus.DEACTIVATED:
            if sim.status in _BUSY:  # a reactivation came in time
                return
            self._follow(sim, WirelessStatus.DEACTIVATED, WirelessStatus.CANCELED)

    def _follow(self, sim: WirelessSim, source: WirelessStatus, target: WirelessStatus) -> None:
        WIRELESS_SIM.move(source, target, By.SYSTEM)
        later, now = sim.later, self._account.now()
        if sim.status in _BUSY:
            self.sims.change(sim, now, before=target)
        else:
            self.sims.change(sim, now, status=target)
        self._entered(sim, target, Callback())
        self._account.record("wireless_status_changed", device=sim.sid, status=target.value, by="system")
        self._messaging.subscription_changed(sim.iccid)
        if later is not None:
            self._webhooks.wireless_sim(sim, later)

    def _reset(self, sim: WirelessSim, callback: Callback) -> None:
        RESET.move(sim.reset, ResetStatus.RESETTING, By.API)
        self.sims.change(sim, self._account.now(), reset=ResetStatus.RESETTING, reset_callback=callback)
        self._account.record("wireless_reset_began", device=sim.sid)
        self._account.agenda.set(Due.WIRELESS_RESET, sim.sid,
                                 self._account.world.now() + to_ns(self._account.choices.wireless_reset))
        self._messaging.subscription_changed(sim.iccid)

    def _reset_over(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is None:
            return
        RESET.move(sim.reset, ResetStatus.NONE, By.SYSTEM)
        callback = sim.reset_callback
        self.sims.change(sim, self._account.now(), reset=ResetStatus.NONE, reset_callback=None)
        self._account.record("wireless_reset_over", device=sim.sid)
        self._messaging.subscription_changed(sim.iccid)
        if callback is not None:
            self._webhooks.wireless_sim(sim, callback)
