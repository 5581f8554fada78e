"""Evidence: what the devices did, attached to the report of a test that failed, and the rig of the run at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from harness.pytest_plugin.fixtures import FAULT_STRUCK, FAULT_UNSTRUCK, LAST_RIG, NOTE

if TYPE_CHECKING:
    from harness.rig.rig import Rig

_ENTRIES = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item,
                              call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    rig = item.stash.get(LAST_RIG, None)
    if rig is not None and call.when == "call" and report.failed:
        report.sections.append(("rig", _describe(rig)))
        if struck := _faults(rig):
            report.sections.append(("faults", struck))
        report.sections.append((f"journal (last {_ENTRIES} of {rig.journal.written})", _journal(rig)))
        for modem in rig.modems.values():
            if traffic := modem.transcript()[-_ENTRIES:]:
                report.sections.append((f"transcript of {modem.name}", "\n".join(map(str, traffic))))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # all phases: what is told when a test is over is in the report of its end
    reports = [report for kind in ("", "passed", "failed", "error", "skipped")
               for report in terminalreporter.stats.get(kind, ()) if isinstance(report, pytest.TestReport)]
    # from the reports, because with xdist the rigs were opened in other processes
    notes = {value: None for report in reports for name, value in report.user_properties if name == NOTE}
    for note in notes:
        terminalreporter.write_line(f"rig: {note}", yellow=True)
    told = [item for report in reports for item in report.user_properties]
    struck = {value for name, value in told if name == FAULT_STRUCK}
    for never in dict.fromkeys(str(value) for name, value in told if name == FAULT_UNSTRUCK and value not in struck):
        terminalreporter.write_line(f"rig: never struck in any test: {never}", yellow=True)


def _describe(rig: Rig) -> str:
    again = f"repeat it with --seed {rig.seed}" if rig.seed is not None else "real devices: no seed"
    return "\n".join([rig.description, again, *rig.notes])


def _faults(rig: Rig) -> str:
    """Return the faults that were set, with how often each struck."""
    strikes = Counter(entry.data["fault"] for entry in rig.journal.select("fault_injected", source="fault"))
    told = [entry.data for entry in rig.journal.select("fault_set", source="fault")]
    return "\n".join(f"{fault['fault']}: {fault['kind']} {fault['spec']} struck {strikes[fault['fault']]}"
                     for fault in told)


def _journal(rig: Rig) -> str:
    return "\n".join(str(entry) for entry in rig.journal.since(rig.journal.written - _ENTRIES))
