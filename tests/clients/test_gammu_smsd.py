"""gammu's SMS daemon runs on the modem's port: what comes in becomes a file, a file put out becomes a message."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(shutil.which("gammu-smsd") is None or shutil.which("gammu-smsd-inject") is None,
                                reason="gammu-smsd is not installed (Debian package gammu-smsd)")


def test_daemon_in_both_directions(place: Place, tmp_path: Path) -> None:
    for name in ("in", "out", "sent", "failed"):
        (tmp_path / name).mkdir()
    config = tmp_path / "smsdrc"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n[smsd]\nservice = files\n"
                      f"logfile = {tmp_path}/log\ncommtimeout = 1\ndeliveryreport = sms\n"
                      f"checksecurity = 0\ninboxpath = {tmp_path}/in/\n"
                      f"outboxpath = {tmp_path}/out/\nsentsmspath = {tmp_path}/sent/\n"
                      f"errorsmspath = {tmp_path}/failed/\n")
    long_text = "0123456789" * 30
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    for text, options in (("LED IS ON", ()), (long_text, ("-len", "400"))):
        subprocess.run(["gammu-smsd-inject", "-c", str(config), "TEXT", "000", *options, "-text", text], check=True,
                       capture_output=True, timeout=20, env=environment)
    with subprocess.Popen(["gammu-smsd", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=environment) as daemon:
        try:
            delivered = place.send("LED ON")
            place.until(delivered, "delivery", seconds=30)
            place.until(lambda: sorted(place.cloud.texts) == [long_text, "LED IS ON"], "texts at the cloud", seconds=30)
            place.until(lambda: len(list((tmp_path / "in").iterdir())) == 4, "message and reports", seconds=30)
            place.until(lambda: len(list((tmp_path / "sent").iterdir())) == 2, "files of what was sent", seconds=30)
        finally:
            daemon.terminate()
            daemon.wait(20)
    came = sorted(file.read_text(encoding="utf-8") for file in (tmp_path / "in").iterdir())
    assert came == ["", "", "", "LED ON"]
    # it asks for a report of every part, and keeps reports as files without a text
    assert (tmp_path / "log").read_text(encoding="utf-8").count("Delivery report IN") == 3
    assert list((tmp_path / "failed").iterdir()) == []
