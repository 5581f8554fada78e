"""gammu's SMS daemon runs on the modem's port: what comes in becomes a file, a file put out becomes a message."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import Stopwatch

if TYPE_CHECKING:
    from tests.clients.conftest import Place

pytestmark = pytest.mark.skipif(shutil.which("gammu-smsd") is None or shutil.which("gammu-smsd-inject") is None,
                                reason="gammu-smsd is not installed (Debian package gammu-smsd)")


SECONDS = 60
EVERY = 2  # seconds from one pair of messages to the next


def test_a_minute_of_traffic_in_both_directions(place: Place, tmp_path: Path) -> None:
    for name in ("in", "out", "sent", "failed"):
        (tmp_path / name).mkdir()
    config = tmp_path / "smsdrc"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n[smsd]\nservice = files\n"
                      f"logfile = {tmp_path}/log\ncommtimeout = 1\ndeliveryreport = sms\n"
                      f"checksecurity = 0\ninboxpath = {tmp_path}/in/\n"
                      f"outboxpath = {tmp_path}/out/\nsentsmspath = {tmp_path}/sent/\n"
                      f"errorsmspath = {tmp_path}/failed/\n")
    environment = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    up: list[str] = []
    down: list[str] = []

    def put_out(text: str) -> None:
        subprocess.run(["gammu-smsd-inject", "-c", str(config), "TEXT", "000", "-len", "400", "-text", text],
                       check=True, capture_output=True, timeout=20, env=environment)
        up.append(text)

    def received() -> list[str]:
        return sorted(text for file in (tmp_path / "in").iterdir() if (text := file.read_text(encoding="utf-8")))

    def reports() -> int:
        return (tmp_path / "log").read_text(encoding="utf-8").count("Delivery report IN")

    with subprocess.Popen(["gammu-smsd", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          env=environment) as daemon:
        try:
            put_out("0123456789" * 30)  # in two parts
            watch = Stopwatch()
            while (pairs := len(down)) * EVERY < SECONDS:
                place.until(lambda pairs=pairs: watch.seconds >= pairs * EVERY,  # type: ignore[misc]
                            "time for the next messages", seconds=2 * EVERY)
                down.append(f"LED {pairs} ON")
                place.send(down[-1])
                put_out(f"LED {pairs} IS ON")
            place.until(lambda: watch.seconds >= SECONDS, "end of the minute", seconds=2 * EVERY)
            place.until(lambda: len(place.cloud.texts) >= len(up), "texts at the cloud", seconds=20)
            place.until(lambda: len(received()) >= len(down), "messages", seconds=20)
            place.until(lambda: reports() >= len(up) + 1, "reports", seconds=20)
            place.until(lambda: len(list((tmp_path / "sent").iterdir())) >= len(up), "what was sent", seconds=20)
        finally:
            daemon.terminate()
            daemon.wait(20)
    # each one once, and nothing else
    assert sorted(place.cloud.texts) == sorted(up)
    assert received() == sorted(down)
    # it asks for a report of every part, and keeps reports as files without a text
    assert reports() == len(up) + 1
    assert len(list((tmp_path / "in").iterdir())) == len(down) + len(up) + 1
    assert list((tmp_path / "failed").iterdir()) == []
    assert list((tmp_path / "out").iterdir()) == []
