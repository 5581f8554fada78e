"""The layout of a store, and how older ones become it: one function per step, written by hand.

A change of layout, or of a record that decoding would stumble over (a field renamed, removed, or added without a
default), gets a new version and a function from the one before; a test keeps a store of each version as data.

* Version 1: rows of kind, key and body.
* Version 2: a checksum per row; what the cloud says of itself under the kind ``facts`` rather than ``meta``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Final
from zlib import crc32

APPLICATION_ID: Final = 0x4D564843  # "MVHC"

VERSION: Final = 2

SCHEMA: Final = ("CREATE TABLE rows (kind TEXT NOT NULL, key NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL, "
                 "PRIMARY KEY (kind, key)) WITHOUT ROWID")


def _from_1(connection: sqlite3.Connection) -> None:
    """Give every row its checksum, and the kind ``meta`` its present name."""
    connection.execute("ALTER TABLE rows RENAME TO rows_1")
    connection.execute(SCHEMA)
    connection.create_function("mvh_crc", 3, lambda kind, key, body: crc32(f"{kind} {key} {body}".encode()),
                               deterministic=True)
    connection.execute("INSERT INTO rows SELECT kind, key, body, mvh_crc(kind, key, body) FROM (SELECT CASE kind WHEN "
                       "'meta' THEN 'facts' ELSE kind END AS kind, key, body FROM rows_1)")
    connection.execute("DROP TABLE rows_1")


MIGRATIONS: Final[Mapping[int, Callable[[sqlite3.Connection], None]]] = {1: _from_1}
"""By the version they begin with."""
