"""Stacks have a folder while they live; what the dead left is swept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import PortTaken, UsageError
from harness.runtime_dir import StackDir, running_stacks, runtime_root


@pytest.fixture(autouse=True)
def _own_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_a_stack_is_seen_while_it_runs_and_leaves_nothing() -> None:
    stack = StackDir("lab")
    assert running_stacks() == [stack.path]
    (stack.path / "port").touch()
    stack.close()
    stack.close()
    assert running_stacks() == []
    assert list(runtime_root().iterdir()) == []


def test_two_stacks_cannot_have_one_name() -> None:
    stack = StackDir("lab")
    with pytest.raises(PortTaken, match="choose another name"):
        StackDir("lab")
    stack.close()
    StackDir("lab").close()


def test_what_a_killed_stack_left_is_swept() -> None:
    code = ("import os, harness.runtime_dir as r; s = r.StackDir('dead'); (s.path / 'link').symlink_to('/dev/null');"
            "os.kill(os.getpid(), 9)")
    subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3], env=os.environ)
    assert (runtime_root() / "dead").is_dir()
    assert running_stacks() == []
    assert list(runtime_root().iterdir()) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 60, ".hidden"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(UsageError, match="stack's name"):
        StackDir(name)


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mvh").mkdir(mode=0o755)
    (tmp_path / "mvh").chmod(0o755)
    with pytest.raises(UsageError, match="mode 0700"):
        runtime_root()
