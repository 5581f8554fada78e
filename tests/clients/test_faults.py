"""gammu in the face of faults: what it bears, and what it reports."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.virtual.faults import FaultPlan, Faults

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed (Debian package gammu)")

Gammu = Callable[..., str]


@pytest.fixture
def faults(place: Place) -> Faults:
    plan = FaultPlan(place.world)
    with place.world.turn():
        place.network.connect_faults(plan)
        place.modem.connect_faults(plan)
    return Faults(plan)


@pytest.fixture
def gammu(place: Place, tmp_path: Path) -> Gammu:
    """Runs one gammu command and returns what it printed; fails if it did not end as it should."""
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n")

    def run(*arguments: str, fails: bool = False) -> str:
        done = subprocess.run(["gammu", "-c", str(config), *arguments], capture_output=True, text=True, timeout=90,
                              check=False, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def test_what_it_bears(place: Place, faults: Faults, gammu: Gammu) -> None:
    faults.on("/./", sticky=True).split(size=8, gap="1ms")
    faults.on("/./", sticky=True).jitter(low="0s", high="10ms")
    faults.on("/./", p=0.3).blank_lines(count=2)
    faults.on("AT+CMGS").prompt_late(by="200ms")
    assert "BG96" in gammu("identify")
    gammu("sendsms", "TEXT", "000", "-text", "in spite of all")
    assert place.cloud.texts == ["in spite of all"]
    assert place.world.journal.select("fault_injected", source="fault")


def test_what_it_reports(place: Place, faults: Faults, gammu: Gammu) -> None:
    faults.sms.refused(cause=42)
    assert "error 42" in gammu("sendsms", "TEXT", "000", "-text", "no", fails=True)
    faults.sms.duplicate()
    delivered = place.send("twice")
    place.until(delivered, "delivery")
    assert gammu("getallsms").count("twice") == 2
    assert place.cloud.texts == []
