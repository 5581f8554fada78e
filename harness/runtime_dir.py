"""Where running stacks leave what others must find: stable port names and sockets of debug probes.

One folder per user, ``$XDG_RUNTIME_DIR/mvh`` or ``/tmp/mvh-UID``, mode 0700. Names in it are only as good as the process
that made them: each stack holds a lock on a folder of its own, and :func:`running_stacks` removes folders that nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

from harness.errors import PortTaken, UsageError


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
        """Make and lock it.

        Raises:
            PortTaken: a running stack has this name.
        """
        self.path = runtime_root() / name
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise PortTaken(f"a stack named {name!r} is running already: choose another name") from None
        for stale in self.path.iterdir():
            if stale.name != "lock":
                stale.unlink()

    def __repr__(self) -> str:
        return f"StackDir({str(self.path)!r})"

    def close(self) -> None:
        """Remove the folder. May be called twice."""
        if self._lock >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def running_stacks() -> list[Path]:
    """Return the folders of the stacks that run now, and remove those whose process is gone."""
    alive = []
    for folder in sorted(runtime_root().iterdir()):
        if folder.is_dir() and not folder.is_symlink():
            if _is_held(folder):
                alive.append(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)
    return alive


def _is_held(folder: Path) -> bool:
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
