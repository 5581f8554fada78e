"""What the network tells of Programmable Wireless Sims, entered in the books: data sessions, usage, limits, trials."""

from __future__ import annotations

from datetime import datetime, timedelta

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.billing import add_months
from harness.virtual.cloud.countries import country_of
from harness.virtual.cloud.machines import DATA_LIMIT, By, DataStatus
from harness.virtual.cloud.rate_plans import Place, RatePlans
from harness.virtual.cloud.records import DataSession, WirelessSim
from harness.virtual.cloud.retention import Retention, Rule
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.usage import Ledger, Used
from harness.virtual.cloud.wireless_sims import WirelessSims
from harness.virtual.network.seams import AccessTechnology, Attachment, DataUsage, Messaging

KEPT = 100_000
"""Data sessions that are kept; the oldest go first."""

_RADIO = {AccessTechnology.GSM: "2G", AccessTechnology.UTRAN: "3G", AccessTechnology.E_UTRAN: "LTE",
          AccessTechnology.EMTC: "LTE", AccessTechnology.NB_IOT: "NB-IoT"}
"""``radio_link``; LTE and 3G are in the published examples."""


class WirelessMeter:
    """The books of one account's Programmable Wireless Sims."""

    def __init__(self, account: Account, sims: WirelessSims, plans: RatePlans, messaging: Messaging,
                 retention: Retention, ledger: Ledger) -> None:
        self._account = account
        self._sims = sims
        self._plans = plans
        self._messaging = messaging
        self._retention = retention
        self.ledger = ledger
        self.sessions: Collection[DataSession] = Collection(
            "DataSessions", indexed=("sim_sid",), limit=KEPT, evict=True)
        self._open: dict[int, DataSession] = {}
        age = timedelta(microseconds=to_ns(account.choices.session_retention) // 1_000)
        retention.rule("DataSessions", Rule(oldest=self._oldest, until=lambda date: date + age, forget=self._forget))
        account.agenda.on(Due.WIRELESS_PERIOD, self._period_over)

    def __repr__(self) -> str:
        return f"WirelessMeter({self.ledger!r}, {len(self.sessions)} sessions)"

    def attachment(self, sim: WirelessSim, attachment: Attachment) -> None:
        """Take note of a registration, a refusal or a departure."""
        if not attachment.accepted or attachment.cell is None:
            return
        before = self._sims.place_of(sim)
        self._sims.cells[sim.sid] = attachment.cell.plmn
        place = self._sims.place_of(sim)
        self._evaluate(sim, place)
        if place is not before:  # what a plan allows differs by place
            self._messaging.subscription_changed(sim.iccid)

    def data_usage(self, sim: WirelessSim, usage: DataUsage) -> None:
        """Take note of a data session: where it stands, and what flowed since the last report."""
        if usage.cause:
            return  # it never was a session, and this product has no event for that
        now = self._account.now()
        session = self._open.get(usage.session_id)
        if session is None:
            session = self._begin(sim, usage, now)
        cell = usage.cell
        session.packets_uploaded += usage.up_packets
        session.packets_downloaded += usage.down_packets
        changes: dict[str, object] = {"last_updated": now, "end": now if usage.ended else None}
        if cell is not None:
            changes["cell_id"] = str(cell.ci)
        if self.sessions.get(session.sid) is session:
            self.sessions.change(session, now, **changes)
        if usage.ended:
            del self._open[usage.session_id]
            self._retention.added("DataSessions")
        if usage.up or usage.down:
            self._enter(sim, usage, now)

    def restored(self) -> None:
        """Go on after everything was taken up again: a session that was under way ended with its last report."""
        self._open.clear()
        for session in self.sessions:
            if session.end is None:
                self.sessions.change(session, session.date_updated, end=session.last_updated)
                self._retention.added("DataSessions")

    def _begin(self, sim: WirelessSim, usage: DataUsage, now: datetime) -> DataSession:
        cell = usage.cell
        plmn = cell.plmn if cell else ""
        session = self.sessions.add(DataSession(
            **self._account.stamp("WN"), sim_sid=sim.sid, radio_link=_RADIO[cell.act] if cell else "",
            operator_mcc=plmn[:3], operator_mnc=plmn[3:], operator_country=country_of(plmn).alpha3,
            operator_name=cell.operator if cell else "", cell_id=str(cell.ci) if cell else "", packets_uploaded=0,
            packets_downloaded=0, last_updated=now, start=now, end=None, imei=usage.imei or None))
        self._open[usage.session_id] = session
        self._account.record("wireless_session_began", device=sim.sid, sid=session.sid)
        return session

    def _enter(self, sim: WirelessSim, usage: DataUsage, now: datetime) -> None:
        plmn = usage.cell.plmn if usage.cell else ""
        self.ledger.add(Used(moment=now, sim_sid=sim.sid, owner_sid=sim.rate_plan_sid, network_sid=None,
                             iso_country=country_of(plmn).alpha2, plmn=plmn, up=usage.up, down=usage.down))
        self._retention.added("wireless usage")
        self._roll(sim, now)
        place, octets = self._plans.place(plmn), usage.up + usage.down
        match place:
            case Place.HOME:
                sim.home += octets
            case Place.NATIONAL:
                sim.national += octets
            case Place.INTERNATIONAL:
                sim.international += octets
        self._sims.sims.touch(sim)
        self._sims.count(sim, octets=octets)
        self._evaluate(sim, place)

    # -- data limits --------------------------------------------------------------------------------------------------

    def _evaluate(self, sim: WirelessSim, place: Place) -> None:
        """Block the data of a Sim that is over the limit of where it is, give it back where it is not."""
        self._roll(sim, self._account.now())
        plan = self._sims.plan_of(sim)
        over = False
        if plan is not None:
            used, limit = {Place.HOME: (sim.home, plan.data_limit),
                           Place.NATIONAL: (sim.national, plan.national_roaming_data_limit),
                           Place.INTERNATIONAL: (sim.international, plan.international_roaming_data_limit)}[place]
            throttled = place is Place.HOME and plan.data_limit_strategy == "throttle"
            over = used > limit * self._account.choices.megabyte and not throttled
        target = DataStatus.BLOCKED if over else DataStatus.OPEN
        if target is sim.data:
            return
        DATA_LIMIT.move(sim.data, target, By.SYSTEM)
        self._sims.sims.change(sim, sim.date_updated, data=target)
        self._account.record(f"wireless_data_{target.value}", device=sim.sid, place=place.value)
        if over and sim.metered_until is not None:
            self._account.agenda.set(Due.WIRELESS_PERIOD, sim.sid, self._account.instant(sim.metered_until))
        else:
            self._account.agenda.cancel(Due.WIRELESS_PERIOD, sim.sid)
        self._messaging.subscription_changed(sim.iccid)

    def _roll(self, sim: WirelessSim, now: datetime) -> None:
        while sim.metered_since is not None and sim.metered_until is not None and sim.metered_until <= now:
            sim.metered_until = add_months(sim.metered_until, 1, day=sim.metered_since.day)
            sim.home = sim.national = sim.international = 0
            self._sims.sims.touch(sim)

    def _period_over(self, sid: str) -> None:
        sim = self._sims.sims.get(sid)
        if sim is not None:
            self._evaluate(sim, self._sims.place_of(sim))

    def _oldest(self) -> datetime | None:
        return next((session.date_created for session in self.sessions if session.end is not None), None)

    def _forget(self, before: datetime) -> None:
        for session in tuple(self.sessions):
            if session.end is not None and session.date_created <= before:
                self.sessions.remove(session)
