"""Where running stacks leave what others must find: stable port names and sockets of debug probes.

One folder per user, ``$XDG_RUNTIME_DIR/mvh`` or ``/tmp/mvh-UID``, mode 0700. Names in it are only as good as the
process that made them: each stack holds a lock on a folder of its own, and :func:`running_stacks` removes folders that
nobody holds. The lock files live beside the folders, so that taking a lock and sweeping can't race.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import stat
from pathlib import Path

from harness.errors import PortTaken, UsageError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}")


def runtime_root() -> Path:
    """Return the folder of this user, made if need be.

    Raises:
        UsageError: the folder belongs to somebody else, or is open to others.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    root = Path(base) / "mvh" if base and Path(base).is_dir() else Path(f"/tmp/mvh-{os.getuid()}")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise UsageError(f"{root} must be a folder of yours with mode 0700")
    return root


class StackDir:
    """The folder of one running stack, locked while it lives and removed with everything in it at the end."""

    def __init__(self, name: str) -> None:
        """Make and lock it; whatever a dead stack of this name left is removed.

        Raises:
            PortTaken: a running stack has this name.
            UsageError: the name is no plain file name.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"a stack's name is letters, digits, '-', '_' and '.', not {name!r}")
        root = runtime_root()
        lock = _take(root / f"{name}.lock")
        if lock is None:
            raise PortTaken(f"a stack named {name!r} is running already: choose another name")
        self._lock = lock
        self.path = root / name
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(mode=0o700)

    def __repr__(self) -> str:
        return f"StackDir({str(self.path)!r})"

    def close(self) -> None:
        """Remove the folder. May be called twice."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.with_name(f"{self.path.name}.lock").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def running_stacks() -> list[Path]:
    """Return the folders of the stacks that run now, in order of their names; sweep those whose process is gone."""
    alive = []
    for lock_file in sorted(runtime_root().glob("*.lock")):
        folder = lock_file.with_suffix("")
        lock = _take(lock_file)
        if lock is None:
            alive.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
            os.close(lock)
    return alive


def _take(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None if somebody else does."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        try:
            if os.fstat(lock).st_ino == path.stat().st_ino:
                return lock
        except FileNotFoundError:
            pass
        os.close(lock)  # the holder before us removed the file while we opened it: this inode has no name any more
