"""What the network tells of Super SIMs, entered in the books: usage, connection events, data limits, trials."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.clock import to_ns
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.connection_events import ConnectionEvents, EventType, Where, stamp
from harness.virtual.cloud.fleets import Fleets
from harness.virtual.cloud.machines import DATA_LIMIT, By, DataStatus, SimStatus
from harness.virtual.cloud.records import Fleet, Network, Sim
from harness.virtual.cloud.refusals import (
    ATTACHMENT_FAILED,
    NETWORK_BLOCKED,
    REATTACH_LOOP,
    SESSION_FAILED,
    SIM_IS_INACTIVE,
    SIM_IS_NEW,
)
from harness.virtual.cloud.settings_updates import SettingsUpdates
from harness.virtual.cloud.sims import Sims
from harness.virtual.cloud.usage import Ledger, Used
from harness.virtual.network.seams import Attachment, Cell, DataUsage, Messaging


@dataclass(slots=True, kw_only=True)
class OpenSession:
    """A data session that is under way; ``reported`` is the end of what was told last."""

    sid: str
    start: datetime
    reported: datetime
    up: int = 0
    down: int = 0


class SuperSimMeter:
    """The books of one account's Super SIMs.

    Attributes:
        ledger: what was used.
        attached: who is attached, by ICCID.
    """

    def __init__(self, account: Account, sims: Sims, fleets: Fleets, events: ConnectionEvents,
                 settings: SettingsUpdates, messaging: Messaging) -> None:
        self._account = account
        self._sims = sims
        self._fleets = fleets
        self._events = events
        self._settings = settings
        self._messaging = messaging
        self.ledger = Ledger()
        self.attached: dict[str, Attachment] = {}
        self._sessions: dict[int, OpenSession] = {}
        self._attachments: dict[str, deque[int]] = {}
        account.agenda.on(Due.DATA_PERIOD, self._period_over)
        account.agenda.on(Due.DATA_LIMIT, self._limit_changed)
        account.agenda.on(Due.SIM_REATTACH, self._loop_over)

    def __repr__(self) -> str:
        return f"SuperSimMeter({self.ledger!r}, {len(self._sessions)} sessions)"

    # -- attachments --------------------------------------------------------------------------------------------------

    def attachment(self, sim: Sim, attachment: Attachment) -> None:
        """Take note of a registration, a refusal or a departure."""
        where = self._where(attachment.imsi, attachment.imei, attachment.cell)
        if not attachment.accepted:
            self.attached.pop(sim.iccid, None)
            if attachment.cause:
                code = self._why_refused(sim, attachment)
                kind = EventType.ATTACHMENT_FAILED if code == ATTACHMENT_FAILED else EventType.ATTACHMENT_REJECTED
                self._events.emit(kind, sim, where, code=code)
            self._settings.detached(sim)
            return
        self.attached[sim.iccid] = attachment
        self._events.emit(EventType.ATTACHMENT_ACCEPTED, sim, where)
        self._settings.attached(sim)
        self._count_attachment(sim)

    def restored(self) -> None:
        """Go on after everything was taken up again: sessions that were under way are told as new ones."""
        self._sessions.clear()
        self._attachments.clear()

    def _why_refused(self, sim: Sim, attachment: Attachment) -> int:
        if sim.sid in self._sims.barred:
            return REATTACH_LOOP
        if sim.effective is SimStatus.NEW:
            return SIM_IS_NEW
        if sim.effective is SimStatus.INACTIVE:
            return SIM_IS_INACTIVE
        fleet = self._sims.fleet_of(sim)
        plmns = None if fleet is None else self._fleets.plmns(fleet)
        if plmns is not None and (attachment.cell is None or attachment.cell.plmn not in plmns):
            return NETWORK_BLOCKED
        return ATTACHMENT_FAILED

    def _count_attachment(self, sim: Sim) -> None:
        """Send a device away for a while that attaches again and again."""
        choices, now = self._account.choices, self._account.world.now()
        recent = self._attachments.setdefault(sim.sid, deque())
        recent.append(now)
        while now - recent[0] > to_ns(choices.reattach_window):
            recent.popleft()
        if len(recent) > choices.reattach_limit:
            del self._attachments[sim.sid]
            self._sims.barred[sim.sid] = None
            self._account.agenda.set(Due.SIM_REATTACH, sim.sid, now + to_ns(choices.reattach_window))
            self._messaging.subscription_changed(sim.iccid)

    def _loop_over(self, sid: str) -> None:
        self._sims.barred.pop(sid, None)
        sim = self._sims.sims.get(sid)
        if sim is not None:
            self._messaging.subscription_changed(sim.iccid)

    # -- data sessions ------------------------------------------------------------------------------------------------

    def data_usage(self, sim: Sim, usage: DataUsage) -> None:
        """Take note of a data session: where it stands, and what flowed since the last report."""
        now = self._account.now()
        where = self._where(usage.imsi, usage.imei, usage.cell)
        if usage.cause:
            self._events.emit(EventType.SESSION_FAILED, sim, where, code=SESSION_FAILED, data={"apn": usage.apn})
            return
        session = self._sessions.get(usage.session_id)
        if session is None:
            session = OpenSession(sid=self._account.new_sid("PI"), start=now, reported=now)
            self._sessions[usage.session_id] = session
        if usage.up or usage.down:
            self._enter(sim, usage, where.network, now)
        session.up += usage.up
        session.down += usage.down
        kind = (EventType.SESSION_ENDED if usage.ended
                else EventType.SESSION_STARTED if usage.began else EventType.SESSION_UPDATED)
        self._events.emit(kind, sim, where, data=_session_data(session, usage, kind, now))
        session.reported = now
        if usage.ended:
            del self._sessions[usage.session_id]
        if usage.up or usage.down:
            self._sims.count_traffic(sim, usage.up + usage.down)
            self.evaluate(sim)

    def _enter(self, sim: Sim, usage: DataUsage, network: Network | None, now: datetime) -> None:
        self.ledger.add(Used(
            moment=now, sim_sid=sim.sid, owner_sid=sim.fleet_sid, network_sid=network.sid if network else None,
            iso_country=network.iso_country if network else "", plmn=usage.cell.plmn if usage.cell else "",
            up=usage.up, down=usage.down))
        period = self._sims.billing.current(sim)
        if period is not None:
            period.octets += usage.up + usage.down
            self._sims.billing.periods.touch(period)

    def _where(self, imsi: str, imei: str, cell: Cell | None) -> Where:
        network = None if cell is None else self._fleets.network_of(cell.plmn, cell.operator)
        return Where(imsi=imsi, imei=imei, cell=cell, network=network)

    # -- data limits --------------------------------------------------------------------------------------------------

    def evaluate(self, sim: Sim) -> None:
        """Block the data of a Sim that is over its limit, give it back where it is not."""
        fleet, period = self._sims.fleet_of(sim), self._sims.billing.current(sim)
        over = (fleet is not None and period is not None
                and period.octets > fleet.data_limit * self._account.choices.megabyte)
        target = DataStatus.BLOCKED if over else DataStatus.OPEN
        if target is sim.data:
            return
        DATA_LIMIT.move(sim.data, target, By.SYSTEM)
        self._sims.sims.change(sim, sim.date_updated, data=target)
        self._account.record(f"sim_data_{target.value}", device=sim.sid, octets=period.octets if period else 0)
        if over and period is not None:
            self._account.agenda.set(Due.DATA_PERIOD, sim.sid, self._account.instant(period.end_time))
        else:
            self._account.agenda.cancel(Due.DATA_PERIOD, sim.sid)
        self._messaging.subscription_changed(sim.iccid)

    def _period_over(self, sid: str) -> None:
        sim = self._sims.sims.get(sid)
        if sim is not None:
            self.evaluate(sim)

    def _limit_changed(self, fleet_sid: str) -> None:
        fleet: Fleet | None = self._fleets.fleets.get(fleet_sid)
        if fleet is not None:
            for sim in self._sims.sims.page({"fleet_sid": fleet_sid}, size=len(self._sims.sims) or 1).records:
                if sim.billed_since is not None:
                    self.evaluate(sim)


def _session_data(session: OpenSession, usage: DataUsage, kind: EventType, now: datetime) -> dict[str, object]:
    data: dict[str, object] = {
        "apn": usage.apn, "ip_address": usage.ip, "data_session_sid": session.sid,
        "data_session_start_time": stamp(session.start),
    }
    if kind is not EventType.SESSION_STARTED:
        start = session.reported + timedelta(microseconds=usage.idle // 1_000)
        data |= {
            "data_session_update_start_time": stamp(start), "data_session_update_end_time": stamp(now),
            "data_upload": usage.up, "data_download": usage.down, "data_total": usage.up + usage.down,
            "data_session_data_upload": session.up, "data_session_data_download": session.down,
            "data_session_data_total": session.up + session.down,
        }
    if kind is EventType.SESSION_ENDED:
        data["data_session_end_time"] = stamp(now)
    return data
