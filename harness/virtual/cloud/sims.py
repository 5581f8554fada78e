"""Super SIMs: registration, asynchronous updates, and what a card may do on the network right now."""

from __future__ import annotations

from harness.clock import to_ns
from harness.errors import UsageError
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.billing import Billing, add_months
from harness.virtual.cloud.fleets import Fleets
from harness.virtual.cloud.machines import NEW_TO_INACTIVE, SIM, By, DataStatus, Move, SimStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import Callback, Card, Fleet, PeriodType, Sim, SimUpdate
from harness.virtual.cloud.refusals import (
    CATALOGUE,
    FLEET_NOT_FOUND,
    FORBIDDEN,
    SIM_ALREADY_YOURS,
    SIM_FLEET_BUSY,
    SIM_KEEPS_FLEET,
    SIM_NAME_TAKEN,
    SIM_NEEDS_FLEET,
    SIM_NOT_FOUND,
    SIM_NOT_REGISTRABLE,
    SIM_REGISTRATION_FAILED,
    SIM_STATUS_MOVE,
    SIM_UPDATE_FAILED,
    Refused,
    not_found,
)
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.network.seams import Messaging, Subscription

_PERIODS = {SimStatus.READY: PeriodType.READY, SimStatus.ACTIVE: PeriodType.ACTIVE}


class Sims:
    """The Sims of one account, and the cards that wait to be registered.

    Attributes:
        barred: SIDs of Sims whose devices attached too often and have to wait.
    """

    def __init__(self, account: Account, fleets: Fleets, webhooks: Webhooks, messaging: Messaging) -> None:
        self._account = account
        self._fleets = fleets
        self._webhooks = webhooks
        self._messaging = messaging
        self.cards: Collection[Card] = Collection("SIM cards")
        self.barred: dict[str, None] = {}
        self.billing = Billing(account)
        self.sims: Collection[Sim] = Collection(
            "Sims", unique=("unique_name", "iccid"), indexed=("status", "fleet_sid"))
        fleets.on_change(self._fleet_changed)
        account.agenda.on(Due.SIM_UPDATE, self._finish)
        account.agenda.on(Due.SIM_TRIAL, self._trial_over)

    def __repr__(self) -> str:
        return f"Sims({len(self.sims)} sims, {len(self.cards)} cards not registered)"

    # -- look-up ----------------------------------------------------------------------------------------------------

    def sim(self, key: str) -> Sim:
        """Return a Sim by its SID or unique name."""
        found = self.sims.find(key)
        if found is None:
            raise not_found(f"/Sims/{key}")
        return found

    def referenced(self, key: str) -> Sim:
        """Return the Sim that a parameter names."""
        found = self.sims.find(key)
        if found is None:
            raise Refused(SIM_NOT_FOUND, f"there is no Sim {key!r}")
        return found

    def fleet_of(self, sim: Sim) -> Fleet | None:
        """Return the Fleet of a Sim, if it has one."""
        return None if sim.fleet_sid is None else self._fleets.fleets.get(sim.fleet_sid)

    def subscription(self, iccid: str) -> Subscription | None:
        """Return what the owner lets a card do, None if no account has it."""
        sim = self.sims.by("iccid", iccid)
        if sim is None:
            return None
        fleet = self.fleet_of(sim)
        usable = sim.usable and fleet is not None
        return Subscription(sim_sid=sim.sid, attach_allowed=usable and sim.sid not in self.barred,
                            sms_allowed=usable and fleet is not None and fleet.sms_commands_enabled,
                            data_allowed=(usable and fleet is not None and fleet.data_enabled
                                          and sim.data is DataStatus.OPEN),
                            networks=None if fleet is None else self._fleets.plmns(fleet))

    # -- putting Sims into the world ----------------------------------------------------------------------------------

    def add_card(self, iccid: str, registration_code: str) -> None:
        """Let a card be registered with this code.

        Raises:
            UsageError: the card is known already.
        """
        if self.known(iccid):
            raise UsageError(f"there is a SIM card with ICCID {iccid} already")
        now = self._account.now()
        self.cards.add(Card(sid=iccid, account_sid=self._account.sid, date_created=now, date_updated=now,
                            registration_code=registration_code))

    def add(self, iccid: str, *, status: SimStatus, fleet: str | None, unique_name: str | None) -> Sim:
        """Put a registered Sim into the world in a state that clients can only reach step by step.

        Raises:
            UsageError: the card or the name is taken, there is no such Fleet, or the status can't be had like this.
        """
        if status is SimStatus.SCHEDULED:
            raise UsageError("a Sim can't begin as 'scheduled': that is an update under way")
        if self.known(iccid):
            raise UsageError(f"there is a SIM card with ICCID {iccid} already")
        if unique_name is not None and self.sims.by("unique_name", unique_name):
            raise UsageError(f"there is a Sim named {unique_name!r} already")
        if fleet is not None:
            known = self._fleets.fleets.find(fleet)
            if known is None:
                raise UsageError(f"there is no Fleet {fleet!r}")
            fleet_sid: str | None = known.sid
        else:
            fleet_sid = None if status is SimStatus.NEW else self._fleets.default_fleet().sid
        sim = self._add(iccid, status=status, fleet_sid=fleet_sid, unique_name=unique_name)
        if status in _PERIODS:
            sim.billed_as, sim.billed_since = _PERIODS[status], sim.date_created
            self.sims.touch(sim)
        if status is SimStatus.READY:
            self._begin_trial(sim, None)
        self._messaging.subscription_changed(iccid)
        return sim

    def reserve(self, iccid: str) -> Sim:
        """Make a new Sim for an eSIM profile."""
        return self._add(iccid, status=SimStatus.NEW, fleet_sid=None, unique_name=None)

    def known(self, iccid: str) -> bool:
        """Return whether there is a card or a Sim with this ICCID."""
        return self.cards.get(iccid) is not None or self.sims.by("iccid", iccid) is not None

    def register(self, arguments: Arguments) -> Sim:
        """Make a card the account's own."""
        iccid, code = arguments.required("Iccid"), arguments.required("RegistrationCode")
        owned = self.sims.by("iccid", iccid)
        if owned is not None:
            raise Refused(SIM_ALREADY_YOURS, f"this Super SIM is registered to your account already: {owned.sid}")
        card = self.cards.get(iccid)
        if card is None or card.registration_code != code:
            raise Refused(SIM_NOT_REGISTRABLE, "no Super SIM with this ICCID and registration code can be registered")
        self._account.refuse_if_planned(SIM_REGISTRATION_FAILED)
        self.cards.remove(card)
        return self._add(iccid, status=SimStatus.NEW, fleet_sid=None, unique_name=None)

    def _add(self, iccid: str, *, status: SimStatus, fleet_sid: str | None, unique_name: str | None) -> Sim:
        sim = self.sims.add(Sim(**self._account.stamp("HS"), iccid=iccid,
                                unique_name=unique_name, status=status, fleet_sid=fleet_sid))
        self._account.record("sim_registered", device=sim.sid, iccid=iccid, status=status.value)
        return sim

    # -- updates ------------------------------------------------------------------------------------------------------

    def update(self, key: str, arguments: Arguments) -> tuple[Sim, bool]:
        """Change a Sim; return it and whether the change is still under way.

        Everything is checked before anything changes.
        """
        sim = self.sim(key)
        name = arguments.text("UniqueName") or None
        if "UniqueName" in arguments:
            self.sims.check("unique_name", name, code=SIM_NAME_TAKEN, but=sim)
        self._check_account(sim, arguments.text("AccountSid"))
        wanted = SimStatus(arguments.required("Status")) if "Status" in arguments else None
        fleet_sid = self._wanted_fleet(sim, arguments)
        move = self._check_move(sim, wanted, fleet_sid)
        if self._goes(sim, arguments) and (move is not None or fleet_sid != sim.fleet_sid):
            raise Refused(SIM_STATUS_MOVE, "status and Fleet can't change together with the account")

        changes: dict[str, object] = {}
        if "UniqueName" in arguments and name != sim.unique_name:
            changes["unique_name"] = name
        moves_fleet = fleet_sid != sim.fleet_sid
        slow_fleet = (moves_fleet and sim.status is not SimStatus.NEW
                      and self._account.choices.sim_update_of_fleet == "asynchronous")
        if moves_fleet and move is None and not slow_fleet:
            changes["fleet_sid"] = fleet_sid
        if changes:
            self.sims.change(sim, self._account.now(), **changes)
            self._account.record("sim_updated", device=sim.sid, changed=tuple(sorted(changes)))
        if "fleet_sid" in changes:
            self._messaging.subscription_changed(sim.iccid)
        self._transfer(sim, arguments)
        if move is None and not slow_fleet:
            return sim, False
        self._begin(sim, SimUpdate(target=wanted or sim.status, fleet_sid=fleet_sid, callback=arguments.callback()))
        return sim, True

    # -- a ready Sim becomes active by itself -------------------------------------------------------------------------

    def count_command(self, sim: Sim) -> None:
        """Count an SMS Command of a ready Sim, and activate it when the free ones are used up."""
        if sim.effective is SimStatus.READY:
            sim.commands += 1
            self.sims.touch(sim)
            if sim.commands >= self._account.choices.trial_commands:
                self._activate(sim, "commands")

    def count_traffic(self, sim: Sim, octets: int) -> None:
        """Count data of a ready Sim, and activate it when the free data is used up."""
        if sim.effective is SimStatus.READY:
            sim.traffic += octets
            self.sims.touch(sim)
            if sim.traffic >= self._account.choices.trial_kilobytes * 1_000:
                self._activate(sim, "data")

    def _begin_trial(self, sim: Sim, callback: Callback | None) -> None:
        sim.commands = sim.traffic = 0
        sim.trial_callback = callback if self._account.choices.trial_callback else None
        self.sims.touch(sim)
        over = add_months(self._account.now(), self._account.choices.trial_months)
        self._account.agenda.set(Due.SIM_TRIAL, sim.sid, self._account.instant(over))

    def _trial_over(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is not None and sim.effective is SimStatus.READY:
            self._activate(sim, "months")

    def _activate(self, sim: Sim, why: str) -> None:
        SIM.move(SimStatus.READY, SimStatus.ACTIVE, By.SYSTEM)
        self._account.agenda.cancel(Due.SIM_TRIAL, sim.sid)
        now = self._account.now()
        if sim.status is SimStatus.SCHEDULED:  # the update that is under way finds it active
            self.sims.change(sim, now, before=SimStatus.ACTIVE)
        else:
            self.sims.change(sim, now, status=SimStatus.ACTIVE)
        self._bill(sim, PeriodType.ACTIVE)
        self._account.record("sim_status_changed", device=sim.sid, status=SimStatus.ACTIVE.value, by="system", why=why)
        if sim.trial_callback is not None:
            self._webhooks.sim_status(sim, sim.trial_callback)

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check_account(self, sim: Sim, account_sid: str | None) -> None:
        if account_sid is None or account_sid == sim.account_sid:
            return
        if account_sid not in self._account.subaccounts:
            raise Refused(FORBIDDEN, "AccountSid must be this account or one of its subaccounts")
        if sim.status is not SimStatus.NEW:
            raise Refused(SIM_STATUS_MOVE, "AccountSid can only be set while the Sim is 'new'")

    @staticmethod
    def _goes(sim: Sim, arguments: Arguments) -> bool:
        return arguments.text("AccountSid") not in (None, sim.account_sid)

    def _transfer(self, sim: Sim, arguments: Arguments) -> None:
        """Give a Sim to a subaccount: this account, whose Fleet it may have been in, does not have it any more."""
        if self._goes(sim, arguments):
            account_sid = arguments.required("AccountSid")
            self.sims.change(sim, self._account.now(), account_sid=account_sid, fleet_sid=None)
            self.sims.remove(sim)
            self._messaging.subscription_changed(sim.iccid)
            self._account.record("sim_transferred", device=sim.sid, account_sid=account_sid)

    def _wanted_fleet(self, sim: Sim, arguments: Arguments) -> str | None:
        if "Fleet" not in arguments:
            return sim.fleet_sid
        key = arguments.text("Fleet")
        if not key:
            return None
        fleet = self._fleets.fleets.find(key)
        if fleet is None:
            raise Refused(FLEET_NOT_FOUND, f"there is no Fleet {key!r}")
        return fleet.sid

    def _check_move(self, sim: Sim, wanted: SimStatus | None, fleet_sid: str | None) -> Move[SimStatus] | None:
        if sim.status is SimStatus.SCHEDULED and fleet_sid != sim.fleet_sid:
            raise Refused(SIM_FLEET_BUSY, "the Fleet of a Sim can't change while an update is under way")
        move = None
        if wanted is not None and wanted is not sim.status:
            from_new = sim.status is SimStatus.NEW and wanted is SimStatus.INACTIVE
            move = (NEW_TO_INACTIVE if from_new and self._account.choices.new_to_inactive
                    else SIM.move(sim.status, wanted, By.API))
        after = wanted or sim.status
        if after in _PERIODS and fleet_sid is None:
            if sim.fleet_sid is not None:
                raise Refused(SIM_KEEPS_FLEET, f"a Sim that is '{after}' can't be without a Fleet")
            raise Refused(SIM_NEEDS_FLEET, f"a Sim needs a Fleet to become '{after}'")
        return move

    # -- updates that take their time ---------------------------------------------------------------------------------

    def _begin(self, sim: Sim, update: SimUpdate) -> None:
        before = sim.status
        self.sims.change(sim, self._account.now(), status=SimStatus.SCHEDULED, before=before, update=update)
        self._account.record("sim_update_scheduled", device=sim.sid, source=before.value, target=update.target.value)
        delay = to_ns(self._account.choices.sim_update)
        self._account.agenda.set(Due.SIM_UPDATE, sim.sid, self._account.world.now() + delay)

    def _finish(self, sid: str) -> None:
        sim = self.sims.get(sid)
        if sim is None or sim.update is None or sim.before is None:
            return
        update, before, now = sim.update, sim.before, self._account.now()
        if self._account.suspended or self._account.fails(SIM_UPDATE_FAILED):
            self.sims.change(sim, now, status=before, before=None, update=None)
            self._account.record("sim_update_failed", device=sim.sid, status=before.value, code=SIM_UPDATE_FAILED)
            self._account.notify(SIM_UPDATE_FAILED, CATALOGUE[SIM_UPDATE_FAILED], resource_sid=sim.sid)
            self._webhooks.sim_status(sim, update.callback, code=SIM_UPDATE_FAILED,
                                      message=CATALOGUE[SIM_UPDATE_FAILED])
            return
        # An update of the Fleet alone keeps the status, which may have become active meanwhile.
        only_fleet = update.target is not SimStatus.ACTIVE and before is SimStatus.ACTIVE and update.target in _PERIODS
        target = before if only_fleet else update.target
        self.sims.change(sim, now, status=target, before=None, update=None, fleet_sid=update.fleet_sid)
        if target is not before:
            self._entered(sim, target, update.callback)
        self._account.record("sim_status_changed", device=sim.sid, status=target.value, by="api")
        self._messaging.subscription_changed(sim.iccid)
        self._webhooks.sim_status(sim, update.callback)

    def _entered(self, sim: Sim, status: SimStatus, callback: Callback) -> None:
        self._account.agenda.cancel(Due.SIM_TRIAL, sim.sid)
        if status in _PERIODS:
            self._bill(sim, _PERIODS[status])
        else:
            self.billing.stop(sim)
            self.sims.touch(sim)
        if status is SimStatus.READY:
            self._begin_trial(sim, callback)

    def _bill(self, sim: Sim, kind: PeriodType) -> None:
        self.billing.begin(sim, kind)
        self.sims.touch(sim)
        if sim.data is DataStatus.BLOCKED:  # a new period has a data limit of its own
            self._account.agenda.set(Due.DATA_PERIOD, sim.sid, self._account.world.now())

    def _fleet_changed(self, fleet: Fleet) -> None:
        """Let the network look at the Sims of a Fleet again: what it allows has changed."""
        for sim in self.sims.page({"fleet_sid": fleet.sid}, size=len(self.sims) or 1).records:
            self._messaging.subscription_changed(sim.iccid)
