"""What a virtual cloud knows, kept in a folder: SQLite, one writer, nothing acknowledged that is not written.

:class:`Database` is the file, :class:`Keeper` joins it to a running cloud. Records and collections know nothing of it:
they tell which numbers have changed, and :mod:`inventory` names everything there is to keep.
"""

from harness.virtual.cloud.persistence.database import Database, Row
from harness.virtual.cloud.persistence.inventory import Shelved, inventory
from harness.virtual.cloud.persistence.keeper import Keeper
from harness.virtual.cloud.persistence.snapshots import Snapshot, Snapshots

__all__ = ["Database", "Keeper", "Row", "Shelved", "Snapshot", "Snapshots", "inventory"]
