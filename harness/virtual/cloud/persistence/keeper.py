"""Joins a cloud to its store: takes up what was kept, then writes every change down, many turns to a commit.

Theory of operation. Whatever the cloud changes is marked by kind and key. One thread, the only writer, takes the marks
inside the world's lock, between two turns, so that a commit never holds half of one; it encodes the values as they are
then and commits them. Who must not answer before a change is kept asks :meth:`Keeper.when_kept`; while one commit is
under way the marks of the next gather, so a hundred requests cost a few commits.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from harness.errors import StoreCorrupted, StoreError
from harness.virtual.cloud.kept import Key
from harness.virtual.cloud.persistence.codec import Codec, Undecodable
from harness.virtual.cloud.persistence.database import Database, Row
from harness.virtual.cloud.persistence.inventory import facts, inventory

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import Cloud

Waiter: TypeAlias = Callable[["StoreError | None"], object]
"""Is told, on the writer's thread, that all before is kept, or why it can't be."""

_FACTS = "facts"
_FOLLOWING = "following"


class Keeper:
    """Keeps one cloud in one database.

    What the database held is taken up, in a turn of the world, before anything is written; a new database gets what
    the cloud has now.

    Args:
        own: further facts of whoever opens the store, by name.

    Raises:
        StoreCorrupted: a value can't be read back; the database is as it was.
    """

    def __init__(self, cloud: Cloud, database: Database, own: Callable[[], dict[str, Any]] = dict) -> None:
        self._cloud = cloud
        self._database = database
        self._own = own
        self._lists = inventory(cloud)
        self._facts = facts(cloud)
        self._codecs = {name: Codec(shelved.kind) for name, shelved in self._lists.items()}
        self._marked: dict[str, dict[Key, None]] = {name: {} for name in self._lists}
        self._written: dict[tuple[str, Key], str] = {}  # facts, as they stand in the database
        self._waiters: list[Waiter] = []
        self._gate = threading.Lock()  # of the waiters
        self._wake = threading.Event()
        self._over = False
        self._committing = False
        self._failed = False
        self.commits = 0
        with cloud.world.turn():
            found = database.rows
            if found:
                self._take_up(found)
            database.rows = {}
            database.begin()
            if not found:
                for name, shelved in self._lists.items():
                    self._marked[name] = dict.fromkeys(shelved.kept.kept_keys())
            for name, shelved in self._lists.items():
                shelved.kept.watcher = partial(self._mark, self._marked[name])
            if found:
                cloud.restored()
        self._commit()
        self._thread = threading.Thread(target=self._write, name="cloud-store", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Keeper({self._database!r}, {self.commits} commits)"

    @property
    def behind(self) -> bool:
        """Whether anything was changed that is not kept yet."""
        return self._committing or self._failed or self._wake.is_set()

    def when_kept(self, waiter: Waiter) -> None:
        """Call ``waiter``, on another thread, when all changes up to now are kept, or can't be."""
        with self._gate:
            self._waiters.append(waiter)
        self._wake.set()

    def sync(self, timeout: float = 10.0) -> None:
        """Return when all changes up to now are kept.

        Raises:
            StoreError: they can't be, or not within ``timeout`` seconds.
        """
        done = threading.Event()
        trouble: list[StoreError | None] = []

        def tell(error: StoreError | None) -> None:
            trouble.append(error)
            done.set()

        self.when_kept(tell)
        if not done.wait(timeout):
            raise StoreError(f"the store has not taken what was written within {timeout:g} s")
        if trouble[0] is not None:
            raise trouble[0]

    def close(self) -> None:
        """Write what is not written, and close the store. May be called twice."""
        if self._over:
            return
        self._over = True
        self._wake.set()
        self._thread.join()
        for shelved in self._lists.values():
            shelved.kept.watcher = None
        self._database.close()

    # -- taking up ----------------------------------------------------------------------------------------------------

    def _take_up(self, rows: dict[str, list[Row]]) -> None:
        facts_found = {row.key: _json(row) for row in rows.get(_FACTS, ())}
        following = {row.key: _json(row) for row in rows.get(_FOLLOWING, ())}
        for kind in rows.keys() - self._lists.keys() - {_FACTS, _FOLLOWING}:
            raise StoreCorrupted(f"{self._database.path} holds rows of {kind!r}, which nobody knows")
        decoded = {name: [(row.key, self._decode(codec, row)) for row in rows.get(name, ())]
                   for name, codec in self._codecs.items()}
        try:
            for name, shelved in self._lists.items():
                shelved.kept.restore(decoded[name], following.get(name, 0))
            for name in self._facts.keys() & facts_found.keys():
                self._facts[name].take(facts_found[name])
        except (StoreError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise StoreCorrupted(f"{self._database.path} does not hang together: {type(error).__name__}: {error}"
                                 ) from None
        for kind in (_FACTS, _FOLLOWING):
            self._written.update({(kind, row.key): row.body for row in rows.get(kind, ())})

    def _decode(self, codec: Codec, row: Row) -> object:
        try:
            return codec.decode(row.body)
        except Undecodable as error:
            raise StoreCorrupted(f"{self._database.path} holds in row {row.key!r} of {row.kind!r} what can't be read: "
                                 f"{error}") from None

    # -- writing ------------------------------------------------------------------------------------------------------

    def _mark(self, marked: dict[Key, None], key: Key) -> None:
        marked[key] = None
        if not self._wake.is_set():
            self._wake.set()

    def _write(self) -> None:
        while True:
            self._wake.wait()
            self._commit()
            if self._over:
                self._commit()  # what was said after the marks were taken
                return

    def _commit(self) -> None:
        with self._cloud.world.lock:
            self._committing = True
            self._wake.clear()
            with self._gate:
                waiters, self._waiters = self._waiters, []
            taken = {name: marked.copy() for name, marked in self._marked.items() if marked}
            for name in taken:
                self._marked[name].clear()
            trouble = None
            try:
                put, gone = self._rows(taken)
                if taken or waiters or self._over or not self._written:
                    put += self._beside()
            except Exception as error:  # a fault of ours must not leave anybody waiting
                trouble = StoreError(f"what changed can't be written down: {type(error).__name__}: {error}")
        try:
            if trouble is None and (put or gone):
                self._database.write(put, gone)
                self.commits += 1
                self._written.update({(row.kind, row.key): row.body for row in put if row.kind in (_FACTS, _FOLLOWING)})
        except StoreError as error:
            trouble = error
        if trouble is not None:
            with self._cloud.world.lock:  # the next change tries again, with all of this
                for name, keys in taken.items():
                    self._marked[name].update(keys)
                self._cloud.account.record("state_not_written", why=str(trouble))
        self._failed = trouble is not None
        self._committing = False
        for waiter in waiters:
            waiter(trouble)

    def _rows(self, taken: dict[str, dict[Key, None]]) -> tuple[list[Row], list[tuple[str, Key]]]:
        put: list[Row] = []
        gone: list[tuple[str, Key]] = []
        for name, keys in taken.items():
            kept, encode = self._lists[name].kept, self._codecs[name].encode
            for key in keys:
                value = kept.value(key)
                if value is None:
                    gone.append((name, key))
                else:
                    put.append(Row(name, key, encode(value)))
        return put, gone

    def _beside(self) -> list[Row]:
        """Return the rows of facts and of next numbers that have changed; there are few, and nobody marks them."""
        put = self._changed(_FOLLOWING, ((name, str(shelved.kept.following)) for name, shelved in self._lists.items()))
        put += self._changed(_FACTS, ((name, json.dumps(fact.read())) for name, fact in self._facts.items()))
        return put + self._changed(_FACTS, ((name, json.dumps(value)) for name, value in self._own().items()))

    def _changed(self, kind: str, values: Iterable[tuple[str, str]]) -> list[Row]:
        return [Row(kind, name, body) for name, body in values if self._written.get((kind, name)) != body]


def _json(row: Row) -> Any:
    try:
        return json.loads(row.body)
    except ValueError as error:
        raise StoreCorrupted(f"row {row.key!r} of {row.kind!r} can't be read: {error}") from None
