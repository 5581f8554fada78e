"""Captures: what crossed the virtual network in a test, as a file that Wireshark opens."""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from harness.pytest_plugin.fixtures import LAST_RIG

RetentionPolicy: TypeAlias = Literal["all", "failed", "none"]
"""Of which tests captures are kept: the words that pytest has for its temporary folders."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 120


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness")
    group.addoption("--pcap", choices=("all", "failed", "none"), default="none", dest="harness_pcap",
                    help="of which tests to keep what crossed the virtual network, as pcapng files (default: none)")
    group.addoption("--pcap-dir", metavar="DIR", type=Path, default=Path("mvh-results"), dest="harness_pcap_dir",
                    help="where they go (default: mvh-results)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item,
                              call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    policy: RetentionPolicy = item.config.getoption("harness_pcap")
    rig = item.stash.get(LAST_RIG, None)
    if rig is None or call.when != "call" or policy == "none" or (policy == "failed" and not report.failed):
        return report
    if rig.capture is not None:
        folder: Path = item.config.getoption("harness_pcap_dir")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{_UNSAFE.sub('-', item.nodeid).strip('-')[-_LONGEST:]}.pcapng"
        path.write_bytes(rig.capture.octets())
        item.user_properties.append(("pcap", str(path)))  # of the item: JUnit takes those of the last phase
        report.sections.append(("packets", f"{path}: {rig.capture.dropped or 'no'} packets left out"))
    return report
