"""The state folder of a virtual stack: which world it belongs to, and how that world goes on after a restart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from harness.clock import RealClock, wall_time_ns
from harness.errors import StoreCorrupted, UsageError
from harness.rig.model import RigFile
from harness.virtual.cloud import Cloud
from harness.virtual.cloud.persistence import Database, Keeper

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a world needs to be the one it was: seed, calendar time of its instant 0, instant of its last change."""

    seed: int
    epoch: datetime
    instant: int
    account_sid: str
    auth_token: str


class StateFolder:
    """The state of one stack, locked while it is open. A new folder is empty; :meth:`keep` fills it.

    Raises:
        StoreError: the folder can't be used: see :class:`harness.virtual.cloud.persistence.Database`.
    """

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder)
        self._keeper: Keeper | None = None
        try:
            self.origin = self._found()
        except BaseException:
            self._database.close()
            raise

    def __repr__(self) -> str:
        return f"StateFolder({self._database!r})"

    def check(self, file: RigFile) -> None:
        """Check that the state belongs to this rig.

        Raises:
            UsageError: it is of another account.
        """
        if self.origin is not None and file.cloud.account_sid not in (None, self.origin.account_sid):
            raise UsageError(f"the state is that of account {self.origin.account_sid}, the rig file says "
                             f"{file.cloud.account_sid}: name another folder")

    def clock(self) -> RealClock:
        """Return a clock on which the time since the last run has passed."""
        if self.origin is None:
            return RealClock()
        now = _EPOCH + timedelta(microseconds=wall_time_ns() // 1_000)
        passed = (now - self.origin.epoch) // timedelta(microseconds=1) * 1_000
        return RealClock(max(passed, self.origin.instant))  # the machine's clock may have been set back meanwhile

    def keep(self, cloud: Cloud) -> None:
        """Let the cloud go on from what is kept here, and keep it from now on."""
        world = cloud.world

        def own() -> dict[str, Any]:
            return {"seed": world.seed, "epoch": world.epoch.isoformat(), "instant": world.now(),
                    "account_sid": cloud.account_sid, "auth_token": cloud.auth_token}

        cloud.keeper = self._keeper = Keeper(cloud, self._database, own)

    def close(self) -> None:
        """Write what is not written, and let others have the folder. May be called twice."""
        if self._keeper is not None:
            self._keeper.close()
        self._database.close()

    def _found(self) -> Origin | None:
        if not self._database.rows:
            return None
        fact = self._database.fact
        try:
            return Origin(seed=int(fact("seed")), epoch=datetime.fromisoformat(fact("epoch")),
                          instant=int(fact("instant")), account_sid=str(fact("account_sid")),
                          auth_token=str(fact("auth_token")))
        except (TypeError, ValueError):
            raise StoreCorrupted(f"{self._database.path} does not say whose state it is") from None
