"""Which core a board gets, and what two of them do at once."""

from __future__ import annotations

import threading

import pytest

from harness.errors import UsageError
from harness.rig.facts import RamOnly
from harness.rig.model import BoardTable
from harness.virtual.board.core import ENVIRONMENT, make_core, native_state
from harness.virtual.board.core.interface import CoreState
from harness.virtual.board.core.python_core import PythonCore
from tests.unit.core.conftest import Board

BUILT = native_state.library() is not None


def _kind(prefer: str) -> str:
    core = make_core(RamOnly(), prefer)  # type: ignore[arg-type]
    core.close()
    return type(core).__name__


def test_the_compiled_core_is_the_default_where_it_was_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    assert _kind("auto") == ("CCore" if BUILT else "PythonCore")
    assert _kind("python") == "PythonCore"


def test_the_environment_chooses_where_the_board_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, "python")
    assert _kind("auto") == "PythonCore"
    monkeypatch.setenv(ENVIRONMENT, "fpga")
    with pytest.raises(UsageError, match="no such core in MVH_CORE: 'fpga'"):
        _kind("auto")
    assert _kind("python") == "PythonCore"


def test_without_the_extension_the_python_core_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT, raising=False)
    monkeypatch.setattr(native_state, "library", lambda: None)
    assert _kind("auto") == "PythonCore"
    with pytest.raises(UsageError, match="was not built"):
        _kind("c")


def test_a_rig_file_chooses() -> None:
    table = BoardTable.model_validate({"name": "b", "core": "python", "skip_idle": False})
    assert (table.core, table.skip_idle) == ("python", False)
    with pytest.raises(ValueError, match="core"):
        BoardTable.model_validate({"name": "b", "core": "fpga"})


@pytest.mark.skipif(not BUILT, reason="the compiled core was not built here")
def test_a_run_lets_other_threads_run() -> None:
    board = Board("compute", "c")
    thread = threading.Thread(target=board.core.run, args=(1 << 40,))
    thread.start()
    # The other thread would keep the interpreter for an hour if it held the lock.
    while not board.core.cycles > 1_000_000:
        pass
    board.core.request_stop()
    while thread.is_alive():
        board.core.request_stop()
        thread.join(0.01)
    assert board.core.state is CoreState.RUNNING
    board.core.close()


@pytest.mark.skipif(not BUILT, reason="the compiled core was not built here")
def test_two_threads_leave_the_traces_of_one() -> None:
    boards = [Board("storm", kind) for kind in ("c", "c", "python")]
    for board in boards:
        board.core.trace.enabled = True
    threads = [threading.Thread(target=board.core.run, args=(200_000,)) for board in boards[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert isinstance(boards[2].core, PythonCore)
    boards[2].core.run(200_000)
    assert len({board.core.trace.digest() for board in boards}) == 1
    for board in boards:
        board.core.close()
