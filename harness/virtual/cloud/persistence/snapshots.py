"""Snapshots of a cloud in memory: all it keeps, copied, to set it back to."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.errors import UsageError
from harness.virtual.cloud.kept import Key
from harness.virtual.cloud.persistence.inventory import facts, inventory
from harness.virtual.cloud.records import Record

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import Cloud

MOST: Final = 64
"""Named snapshots of one cloud."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Snapshot:
    """All that a cloud kept at one instant; values of lists by name, facts as JSON."""

    instant: int
    lists: dict[str, tuple[list[tuple[Key, Any]], int]]
    facts: dict[str, str]

    def __repr__(self) -> str:
        return f"Snapshot(instant={self.instant}, {sum(len(values) for values, _ in self.lists.values())} values)"


class Snapshots:
    """The snapshots of one cloud, by name, and the one it is reset to. Called in turns of the world.

    Example::

        snapshots = Snapshots(cloud)      # reset() comes back to here
        snapshots.take("two fleets")
        snapshots.restore("two fleets")
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._lists = inventory(cloud)
        self._facts = facts(cloud)
        self._named: dict[str, Snapshot] = {}
        self._beginning: Snapshot | None = None

    def __repr__(self) -> str:
        return f"Snapshots({list(self._named)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names, the oldest first."""
        return tuple(self._named)

    def begin_here(self, *, again: bool = True) -> None:
        """Let :meth:`reset` come back to what there is now; with ``again`` False, unless that was said before."""
        if again or self._beginning is None:
            self._beginning = self._copy()

    def take(self, name: str) -> Snapshot:
        """Keep what there is now under a name, instead of what had it.

        Raises:
            UsageError: there are too many.
        """
        if name not in self._named and len(self._named) >= MOST:
            raise UsageError(f"there are {MOST} snapshots already: remove one first")
        self._named[name] = snapshot = self._copy()
        return snapshot

    def remove(self, name: str) -> None:
        """Forget a snapshot.

        Raises:
            UsageError: there is none of this name.
        """
        del self._named[self._known(name)]

    def restore(self, name: str) -> None:
        """Set the cloud back. Time goes on: what has fallen due since happens at once.

        Raises:
            UsageError: there is no snapshot of this name.
        """
        self._set(self._named[self._known(name)])

    def reset(self) -> None:
        """Set the cloud back to what its rig made of it.

        Raises:
            UsageError: nobody said where it begins.
        """
        if self._beginning is None:
            raise UsageError("nobody said where this cloud begins")
        self._set(self._beginning)

    def _known(self, name: str) -> str:
        if name not in self._named:
            raise UsageError(f"there is no snapshot {name!r}: there are {', '.join(self._named) or 'none'}")
        return name

    def _copy(self) -> Snapshot:
        lists = {}
        for name, shelved in self._lists.items():
            kept = shelved.kept
            lists[name] = [(key, _copied(kept.value(key))) for key in kept.kept_keys()], kept.following
        return Snapshot(instant=self._cloud.world.now(), lists=lists,
                        facts={name: json.dumps(fact.read()) for name, fact in self._facts.items()})

    def _set(self, snapshot: Snapshot) -> None:
        cloud = self._cloud
        before = [*cloud.sims.sims, *cloud.wireless_sims.sims]
        cloud.withdraw()
        for name, shelved in self._lists.items():
            values, following = snapshot.lists[name]
            kept = shelved.kept
            changed = dict.fromkeys(kept.kept_keys()) if kept.watcher is not None else {}
            kept.restore([(key, _copied(value)) for key, value in values], following)
            if kept.watcher is not None:
                for key in (*changed, *kept.kept_keys()):
                    kept.watcher(key)
        for name, fact in self._facts.items():
            fact.take(json.loads(snapshot.facts[name]))
        cloud.restored()
        for sim in before:  # those that are gone too
            if cloud.sim_sid(sim.iccid) is None:
                cloud.card_gone(sim.iccid)
        cloud.account.record("cloud_set_back", instant=snapshot.instant)


def _copied(value: Any) -> Any:
    """Return a value that nobody else changes; only records ever change."""
    return copy.copy(value) if isinstance(value, Record) else value
