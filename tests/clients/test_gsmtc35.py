"""GSMTC35's command line drives the modem; it sends every number as an international one, 000 too."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(importlib.util.find_spec("GSMTC35") is None,
                                reason="gsmtc35 is not installed (PyPI)")


def test_identity_and_messages(place: Place) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "GSMTC35.GSMTC35", "--serialPort", str(place.link), "--nodebug",
                               *arguments], capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    place.until(place.send("LED ON"), "delivery")
    assert "SMS sent: True" in run("--sendSMS", "000", "LED IS ON")
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "text at the cloud")
    assert "000 (id 0, REC UNREAD" in run("--getSMS", "ALL")
    run("--deleteSMS", "ALL")
    assert "REC" not in run("--getSMS", "ALL")
    told = run("--information")
    for expected in ("Quectel", "BG96", place.modem.imei, place.modem.imsi, "AT&T Mobility", "-73dBm"):
        assert expected in told
