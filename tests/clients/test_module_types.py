"""gammu and python-gsmmodem-new at each maker's module, without special treatment."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Place


@pytest.fixture(params=["BG95", "SIM7080G", "SIM7600", "SARA-R4", "ME910"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place with a registered modem of each family."""
    opened = Place(tmp_path / "ttyVM0", profile=request.param)
    yield opened
    opened.close()


@pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed (Debian package gammu)")
def test_gammu(place: Place, tmp_path: Path) -> None:
    config, batch = tmp_path / "gammurc", tmp_path / "batch"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n")
    place.until(place.send("LED ON"), "delivery")
    batch.write_text('identify\nnetworkinfo\nsendsms TEXT 000 -text "LED IS ON"\ngetallsms\ndeleteallsms 3\n')
    done = subprocess.run(["gammu", "-c", str(config), "batch", str(batch)], capture_output=True, text=True, timeout=60,
                          check=False, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stdout + done.stderr
    for fact in (place.modem.profile.manufacturer, place.modem.imei, place.modem.imsi, "roaming network", "LED ON",
                 "OK, message reference="):
        assert fact in done.stdout, done.stdout + done.stderr
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "the text at the cloud")


@pytest.mark.parametrize("place", ["SIM7080G", "SIM7600", "SARA-R5", "ME910"], indirect=True)
def test_python_gsmmodem(place: Place) -> None:
    gsmmodem = pytest.importorskip("gsmmodem.modem", reason="python-gsmmodem-new is not installed (PyPI)")
    heard: list[str] = []
    modem = gsmmodem.GsmModem(str(place.link), 115200, smsReceivedCallbackFunc=lambda sms: heard.append(sms.text))
    modem.connect()
    try:
        assert place.modem.profile.manufacturer == modem.manufacturer
        assert modem.imsi == place.modem.imsi
        assert modem.ownNumber == "+15550001111"
        assert modem.waitForNetworkCoverage(timeout=5)
        # the client loses an unsolicited line that comes between its command and the answer: the report comes first
        modem.sendSms("000", "LED IS ON", waitForDeliveryReport=True, deliveryTimeout=10)
        place.until(lambda: place.cloud.texts == ["LED IS ON"], "the text at the cloud")
        place.until(place.send("LED ON"), "delivery")
        place.until(lambda: heard == ["LED ON"], "the callback")
        # the client deletes the text after the callback, on a thread of its own that must not lose its port meanwhile
        place.until(lambda: not any(_used(place, name) for name in ("SM", "ME")), "deletion")
    finally:
        place.until_threads_end("threadedHandleModemNotification")
        modem.close()


def _used(place: Place, name: str) -> int:
    store = place.modem.sms.store(name)
    return store.used if store is not None else 0
