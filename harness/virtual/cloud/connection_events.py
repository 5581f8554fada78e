"""Connection events of Super SIMs as CloudEvents 1.0, posted in batches to webhook sinks.

There are seven types, named ``com.twilio.iot.supersim.connection.*``. A sink gets a JSON array with one request; what
happens within ``choices.event_batch`` goes together. Events come from what the network told, nothing else.
Programmable Wireless has no connection events: its DataSessions resource tells the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from harness.clock import to_ns
from harness.errors import UsageError
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.kept import Log
from harness.virtual.cloud.records import Network, Sim
from harness.virtual.cloud.refusals import CATALOGUE
from harness.virtual.cloud.webhooks import Webhooks
from harness.virtual.network.seams import AccessTechnology, Cell

PREFIX = "com.twilio.iot.supersim.connection."

KEPT = 10_000
"""Events that can be read back; also how many may wait for one sink, the oldest go first."""

_SCHEMA = {"twilio": "https://events-schemas.twilio.com/SuperSim.ConnectionEvent/2",
           "kore": "https://events-schemas.korewireless.com/SuperSim.ConnectionEvent/2"}

_RAT = {AccessTechnology.GSM: "2G GSM", AccessTechnology.UTRAN: "3G UMTS", AccessTechnology.E_UTRAN: "4G LTE",
        AccessTechnology.EMTC: "4G LTE-M", AccessTechnology.NB_IOT: "4G NB-IoT"}
"""``rat_type``; only ``4G LTE`` was ever seen in public."""


class EventType(StrEnum):
    """Types of connection events, without the prefix they share."""

    ATTACHMENT_ACCEPTED = "attachment.accepted"
    ATTACHMENT_REJECTED = "attachment.rejected"
    ATTACHMENT_FAILED = "attachment.failed"
    SESSION_STARTED = "data-session.started"
    SESSION_UPDATED = "data-session.updated"
    SESSION_ENDED = "data-session.ended"
    SESSION_FAILED = "data-session.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The device and the cell an event is about."""

    imsi: str
    imei: str
    cell: Cell | None
    network: Network | None


@dataclass(slots=True, kw_only=True)
class Sink:
    """Where events go: a webhook URL, and the types it wants (all if empty)."""

    sid: str
    url: str
    types: tuple[str, ...] = ()
    waiting: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=KEPT))


class ConnectionEvents:
    """The connection events of one account and the sinks they go to.

    Attributes:
        events: the last events as they are sent, oldest first.
    """

    def __init__(self, account: Account, webhooks: Webhooks) -> None:
        self._account = account
        self._webhooks = webhooks
        self.events: Log[dict[str, object]] = Log(limit=KEPT)
        self._sinks: dict[str, Sink] = {}
        account.agenda.on(Due.EVENT_BATCH, self._flush)

    def __repr__(self) -> str:
        return f"ConnectionEvents({len(self.events)} kept, {len(self._sinks)} sinks)"

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """All sinks, oldest first."""
        return tuple(self._sinks.values())

    def add_sink(self, url: str, types: tuple[str, ...] = ()) -> Sink:
        """Post events to ``url`` from now on.

        Args:
            types: with or without their common prefix; all if empty.

        Raises:
            UsageError: there is no such type.
        """
        known = [PREFIX + kind for kind in EventType]
        full = tuple(kind if kind.startswith(PREFIX) else PREFIX + kind for kind in types)
        for kind in full:
            if kind not in known:
                raise UsageError(f"{kind!r} is no type of connection events: one of {', '.join(EventType)}")
        sink = Sink(sid=self._account.new_sid("DG"), url=url, types=full)
        self._sinks[sink.sid] = sink
        return sink

    def remove_sink(self, sid: str) -> None:
        """Post no more events there, not even those that wait; no error if it is not known."""
        self._sinks.pop(sid, None)
        self._account.agenda.cancel(Due.EVENT_BATCH, sid)

    def kept_sinks(self) -> list[dict[str, object]]:
        """Return the sinks, and what waits for each, as plain values."""
        return [{"sid": sink.sid, "url": sink.url, "types": list(sink.types), "waiting": list(sink.waiting)}
                for sink in self.sinks]

    def restore_sinks(self, sinks: Iterable[Mapping[str, Any]]) -> None:
        """Have these sinks, which :meth:`kept_sinks` returned once, and no others."""
        self._sinks = {}
        for kept in sinks:
            sink = Sink(sid=kept["sid"], url=kept["url"], types=tuple(kept["types"]))
            sink.waiting.extend(kept["waiting"])
            self._sinks[sink.sid] = sink

    def emit(self, kind: EventType, sim: Sim, where: Where, *, code: int = 0,
             data: dict[str, object] | None = None) -> None:
        """Tell that something happened, now."""
        now, sid = self._account.now(), self._account.new_sid("EZ")
        cell, network = where.cell, where.network
        body: dict[str, object] = {
            "event_sid": sid, "event_type": PREFIX + kind, "timestamp": stamp(now), "account_sid": sim.account_sid,
            "sim_sid": sim.sid, "sim_iccid": sim.iccid, "sim_unique_name": sim.unique_name,
            "fleet_sid": sim.fleet_sid, "imsi": where.imsi, "imei": where.imei,
            "rat_type": _RAT[cell.act] if cell else None,
            "network": None if cell is None else {
                "iso_country": network.iso_country if network else "", "mcc": cell.plmn[:3], "mnc": cell.plmn[3:],
                "sid": network.sid if network else None,
                "friendly_name": network.friendly_name if network else cell.operator},
            "location": None if cell is None else {
                "lac": f"{cell.tac}", "cell_id": f"{cell.ci}", "lat": None, "lon": None},
            **(data or {}),
        }
        if code:
            body["error"] = {"code": code, "message": CATALOGUE[code]}
        event: dict[str, object] = {
            "specversion": "1.0", "type": PREFIX + kind, "source": f"/v1/SuperSim/ConnectionEvents/{sid}", "id": sid,
            "dataschema": _SCHEMA[self._account.choices.event_vendor], "datacontenttype": "application/json",
            "time": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1_000:03}Z", "data": body,
        }
        self.events.append(event)
        self._account.record("connection_event", device=sim.sid, type=kind.value, code=code)
        for sink in self._sinks.values():
            if not sink.types or event["type"] in sink.types:
                self._queue(sink, event)

    def _queue(self, sink: Sink, event: dict[str, object]) -> None:
        sink.waiting.append(event)
        if len(sink.waiting) >= self._account.choices.event_batch_limit:
            self._flush(sink.sid)
        elif self._account.agenda.instant(Due.EVENT_BATCH, sink.sid) is None:
            delay = to_ns(self._account.choices.event_batch)
            self._account.agenda.set(Due.EVENT_BATCH, sink.sid, self._account.world.now() + delay)

    def _flush(self, sid: str) -> None:
        sink = self._sinks.get(sid)
        if sink is None:
            return
        self._account.agenda.cancel(Due.EVENT_BATCH, sid)
        limit = self._account.choices.event_batch_limit
        while sink.waiting:
            batch = list(islice(sink.waiting, limit))
            for _ in batch:
                sink.waiting.popleft()
            self._webhooks.events(sink.url, batch, sink_sid=sink.sid)


def stamp(moment: datetime) -> str:
    """Return a time as the data of an event has it: UTC, whole seconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
