"""Steps: what a long test is doing, told while it runs and kept in the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

Step: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""``with step("upload the bundle"): ...``"""


@dataclass(slots=True, kw_only=True)
class StepRecord:
    """One finished or failed step; times are seconds, ``virtual`` of the rig's clock."""

    title: str
    ok: bool = False
    real: float = 0.0
    virtual: float | None = None


@dataclass(slots=True)
class StepLog:
    """The steps of one test."""

    records: list[StepRecord] = field(default_factory=list)


STEPS = pytest.StashKey[StepLog]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("harness").addoption(
        "--steps", action="store_true", help="print each step of a harness test while it runs (what 'mvh run' does)")


@pytest.fixture
def step(request: pytest.FixtureRequest) -> Step:
    """Name a part of a test: ``with step("send the command"): ...``. Shown live with --steps, and in the report."""
    item = request.node
    log = item.stash.setdefault(STEPS, StepLog())
    live = _Live(request.config) if request.config.getoption("--steps") else None

    @contextmanager
    def run(title: str) -> Iterator[None]:
        from harness.clock import NANOSECONDS, Stopwatch

        record = StepRecord(title=title)
        log.records.append(record)
        clock = request.getfixturevalue("rig").clock if "rig" in request.fixturenames else None
        if live is not None and len(log.records) == 1:
            live.title(item.name)
        watch, began = Stopwatch(), clock.now() if clock else 0
        try:
            yield
            record.ok = True
        finally:
            record.real = watch.seconds
            record.virtual = (clock.now() - began) / NANOSECONDS if clock else None
            item.user_properties.append(("step", f"{'ok' if record.ok else 'FAILED'}: {title}"))
            if live is not None:
                live.show(record)

    return run


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    if config.getoption("--steps") and report.when == "call" and report.passed and any(
            name == "step" for name, _ in report.user_properties):
        return "passed", "", "PASSED"  # its steps were told: no dot among them
    return None


class _Live:
    """Writes steps to the terminal past pytest's capture."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter: TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
        self._capture = config.pluginmanager.get_plugin("capturemanager")

    def title(self, test: str) -> None:
        """Print what test it is, in words."""
        if self._reporter is not None and self._capture is not None:
            with self._capture.global_and_fixture_disabled():
                self._reporter.ensure_newline()
                self._reporter.write_line(test.removeprefix("test_").replace("_", " "), bold=True)

    def show(self, record: StepRecord) -> None:
        """Print one step that is over."""
        if self._reporter is None or self._capture is None:
            return
        took = f"{record.real:6.2f} s"
        if record.virtual is not None:
            took += f"  ({record.virtual:.2f} s of the rig's time)"
        with self._capture.global_and_fixture_disabled():
            self._reporter.ensure_newline()
            self._reporter.write("   ok  " if record.ok else " FAIL  ", green=record.ok, red=not record.ok)
            self._reporter.write_line(f"{record.title:<62} {took}")
            self._reporter.flush()
