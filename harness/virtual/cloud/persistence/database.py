"""The file: rows of kind, key and text in SQLite, locked by one process, checked before anything in it is changed.

Theory of operation. ``FOLDER/cloud.db`` is in write-ahead mode: a transaction is one append to a log, and a process
that is killed leaves either all of it or nothing. Commits are not forced to the disk one by one (``synchronous`` is
NORMAL): what was acknowledged survives the death of the process at any instant; a power failure may take the last
commits with it but leaves a store that opens.

Opening looks first and touches later. Database and log are copied into a folder aside; the copy is checked (pages,
indexes, a checksum per row), migrated if it is older, and read. Only :meth:`Database.begin` opens the file itself. So a
store that is damaged, newer, or not ours is refused exactly as it was found.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

from harness.errors import StoreCorrupted, StoreError, StoreLocked, StoreTooNew
from harness.virtual.cloud.kept import Key
from harness.virtual.cloud.persistence.migrations import APPLICATION_ID, MIGRATIONS, SCHEMA, VERSION

FILE: Final = "cloud.db"


class Row(NamedTuple):
    """One value as it is written down: ``kind`` says which list it belongs to."""

    kind: str
    key: Key
    body: str


def checksum(kind: str, key: Key, body: str) -> int:
    """Return what a row must carry: CRC-32 of all of it."""
    return crc32(f"{kind} {key} {body}".encode())


class Database:
    """The store in a folder, locked while it is open.

    Args:
        folder: made if need be, for its owner only.

    Attributes:
        rows: what it held when it was opened, by kind, in the order of keys; drop it when it was taken up.

    Raises:
        StoreLocked: another process has it open.
        StoreTooNew: a later release wrote it.
        StoreCorrupted: it is damaged, or no store at all.
        StoreError: the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.rows: dict[str, list[Row]] = {}
        self._connection: sqlite3.Connection | None = None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{folder} can't hold the state of a cloud: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise StoreLocked(f"{folder} holds the state of a cloud that is running: stop that one first, or name "
                              "another folder") from None
        try:
            self._inspect(folder)
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"Database({str(self.path)!r})"

    def fact(self, name: str) -> Any:
        """Return a fact of those that were found when it was opened, None if there is none of this name.

        Raises:
            StoreCorrupted: it can't be read.
        """
        for row in self.rows.get("facts", ()):
            if row.key == name:
                try:
                    return json.loads(row.body)
                except ValueError:
                    raise StoreCorrupted(f"{self.path} holds a fact {name!r} that can't be read") from None
        return None

    def begin(self) -> None:
        """Open the file itself for writing; make it, or bring it up to date, where need be."""
        try:
            # SQLite's own files beside it get its mode.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connection = _connect(self.path)
            _prepare(self._connection)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self.path} can't be written: {error}") from None

    def write(self, put: Iterable[Row], delete: Iterable[tuple[str, Key]]) -> None:
        """Write and forget rows in one transaction; it is kept when this returns.

        Raises:
            StoreError: it can't be written; nothing of it was.
        """
        assert self._connection is not None
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany("DELETE FROM rows WHERE kind = ? AND key = ?", delete)
                connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)",
                                       [(*row, checksum(*row)) for row in put])
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} can't be written: {error}") from None

    def close(self) -> None:
        """Close the file and let others have it. May be called twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _inspect(self, folder: Path) -> None:
        for left in folder.glob("check-*"):  # of a process that was killed while it looked
            shutil.rmtree(left, ignore_errors=True)
        log = self.path.with_name(f"{FILE}-wal")
        try:
            if not self.path.exists() or (not self.path.stat().st_size and not log.exists()):
                return
            with tempfile.TemporaryDirectory(prefix="check-", dir=folder) as aside:
                copy = Path(aside) / FILE
                for source in (self.path, log):
                    if source.exists():
                        shutil.copyfile(source, copy.with_name(source.name))
                self._read(copy)
        except OSError as error:
            raise StoreError(f"{self.path} can't be read: {error.strerror}") from None

    def _read(self, copy: Path) -> None:
        try:
            connection = _connect(copy)
            try:
                found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
                if found != "ok":
                    raise StoreCorrupted(f"{self.path} is damaged: {found}")
                self._check_version(connection)
                _prepare(connection)
                for kind, key, body, crc in connection.execute("SELECT kind, key, body, crc FROM rows ORDER BY 1, 2"):
                    if crc != checksum(kind, key, body):
                        raise StoreCorrupted(f"{self.path} is damaged: row {key!r} of {kind!r} is not what was written")
                    self.rows.setdefault(kind, []).append(Row(kind, key, body))
            finally:
                connection.close()
        except (sqlite3.Error, UnicodeError) as error:
            raise StoreCorrupted(f"{self.path} is damaged, or no store of a cloud: {error}") from None

    def _check_version(self, connection: sqlite3.Connection) -> None:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        application, version = (connection.execute(f"PRAGMA {name}").fetchone()[0]
                                for name in ("application_id", "user_version"))
        if not tables and not application and not version:
            return  # a process was killed while it made the store
        if application != APPLICATION_ID:
            raise StoreCorrupted(f"{self.path} is a database, but no store of a cloud")
        if version > VERSION:
            raise StoreTooNew(f"{self.path} is a store of version {version}; this release knows versions up to "
                              f"{VERSION}: use the release that wrote it, or another folder")
        if version < 1:
            raise StoreCorrupted(f"{self.path} has no version")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or migrate them step by step, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.execute(SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        else:
            for step in range(version, VERSION):
                MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
