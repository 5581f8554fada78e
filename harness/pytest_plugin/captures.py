"""Captures: what crossed the virtual network in a test, as a file that Wireshark opens."""

from __future__ import annotations

import re
import zlib
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


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("harness_pcap", "none") == "none":
        return
    folder: Path = config.getoption("harness_pcap_dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pytest.UsageError(f"--pcap-dir: can't make the folder {folder}: {error.strerror}") from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item,
                              call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    policy: RetentionPolicy = item.config.getoption("harness_pcap")
    rig = item.stash.get(LAST_RIG, None)
    over = call.when == "call" or (call.when == "setup" and report.failed)  # what fails there is never called
    if rig is None or not over or policy == "none" or (policy == "failed" and not report.failed):
        return report
    if rig.capture is not None:
        folder: Path = item.config.getoption("harness_pcap_dir")
        path = folder / f"{file_stem(item.nodeid)}.pcapng"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(rig.capture.octets())
        except OSError as error:
            report.sections.append(("packets", f"{path} could not be written: {error.strerror}"))
            return report
        item.user_properties.append(("pcap", str(path)))  # of the item: JUnit takes those of the last phase
        report.sections.append(("packets", f"{path}: {rig.capture.dropped or 'no'} packets left out"))
    return report


def file_stem(nodeid: str) -> str:
    """Return a file name without its suffix for a test: no two tests share one."""
    module, _, names = nodeid.partition("::")
    plain = "-".join([*module.split("/"), *names.split("::")])
    stem = _UNSAFE.sub("-", plain).strip("-")
    if stem == plain.replace("[", "-").removesuffix("]") and len(stem) <= _LONGEST:
        return stem
    return f"{stem[-_LONGEST:].strip('-')}-{zlib.crc32(nodeid.encode()):08x}"
