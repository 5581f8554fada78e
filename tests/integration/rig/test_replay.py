"""Recordings in a rig of virtual time, and the commands that make and play them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clock import RealClock
from harness.drivers.modem import RegistrationStatus
from harness.errors import CommandFailed, FormatError, UsageError
from harness.rig import Rig
from harness.rig.model import ModemTable, RigFile

RIG = RigFile(board=(), modem=(ModemTable(name="live"),))
DENIED = r"""# a module whose network denies it for ten minutes
0.0 > AT\r
0.1 < \r\nOK\r\n
1.0 > AT+CEREG=2\r
1.1 < \r\nOK\r\n
2.0 > AT+CEREG?\r
2.1 < \r\n+CEREG: 2,3\r\n\r\nOK\r\n
602.0 < \r\n+CEREG: 5,"2F0B","A1B2C3",8\r\n
603.0 > AT+CEREG?\r
603.1 < \r\n+CEREG: 2,5,"2F0B","A1B2C3",8\r\n\r\nOK\r\n
604.0 > ATE0\r
604.1 < \r\nOK\r\n
"""


def test_a_live_modem_and_its_recording_agree(rig: Rig, tmp_path: Path) -> None:
    live = rig.modem()
    live.registered(within="1min")
    said = [live.command(command).lines for command in ("AT+CSQ", "AT+COPS?", "AT+CGDCONT?")]
    live.save_transcript(tmp_path / "live.txt")
    again = rig.replay(tmp_path / "live.txt", profile="bg96")
    again.registered(within="1min")
    assert [again.command(command).lines for command in ("AT+CSQ", "AT+COPS?", "AT+CGDCONT?")] == said
    with pytest.raises(CommandFailed):
        again.command("AT+CIND?")
    again.power_cycle(within="1min")
    assert again.registered(within="2min").status == live.registration().status
    assert rig.journal.select("command_not_recorded")


def test_the_recorded_time_passes(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "denied.txt").write_text(DENIED)
    modem = rig.replay(tmp_path / "denied.txt")
    assert modem.registration().status is RegistrationStatus.DENIED
    before = rig.clock.now()
    modem.registered(within="11min")
    assert 595e9 < rig.clock.now() - before < 605e9
    quick = rig.replay(tmp_path / "denied.txt", pace=0.1)
    assert quick.registration().status is RegistrationStatus.DENIED
    before = rig.clock.now()
    quick.registered(within="2min")
    assert 59e9 < rig.clock.now() - before < 65e9


def test_what_is_no_recording(rig: Rig, tmp_path: Path) -> None:
    (tmp_path / "no.txt").write_text("what?")
    for path, problem in (("no.txt", FormatError), ("nothing.txt", UsageError)):
        with pytest.raises(problem):
            rig.replay(tmp_path / path)
    (tmp_path / "good.txt").write_text(DENIED)
    with pytest.raises(UsageError, match="no modem dialect"):
        rig.replay(tmp_path / "good.txt", profile="nokia")


def mvh(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "harness.cli", *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def ask(port: Path, command: bytes) -> bytes:
    """Ask at a port as the simplest program would."""
    clock = RealClock()
    clock.wait(port.exists, within="30s", what=f"the link {port}")
    descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    heard = b""

    def answered() -> bool:
        nonlocal heard
        with contextlib.suppress(BlockingIOError):
            heard += os.read(descriptor, 4_096)
        return heard.endswith((b"OK\r\n", b"ERROR\r\n"))

    os.write(descriptor, command + b"\r")
    clock.wait(answered, within="10s", what="an answer")
    os.close(descriptor)
    return heard


def test_commands_record_and_play(tmp_path: Path) -> None:
    (tmp_path / "first.txt").write_text(DENIED)
    link, between, again = (tmp_path / name for name in ("first", "between", "again"))
    running = [mvh("modem", "replay", str(tmp_path / "first.txt"), "--link", str(link))]
    try:
        assert ask(link, b"AT") == b"\r\nOK\r\n"
        running.append(mvh("modem", "record", str(link), str(tmp_path / "second.txt"), "--link", str(between)))
        assert ask(between, b"AT+CEREG?") == b"\r\n+CEREG: 2,3\r\n\r\nOK\r\n"
        assert ask(between, b"AT+NOTHING") == b"\r\nERROR\r\n"
        running[1].send_signal(signal.SIGINT)
        said = running[1].communicate(timeout=30)[0]
        assert "4 pieces in" in said
        assert running[1].returncode == 0
        running.append(mvh("modem", "replay", str(tmp_path / "second.txt"), "--link", str(again), "--pace", "0"))
        assert ask(again, b"AT+CEREG?") == b"\r\n+CEREG: 2,3\r\n\r\nOK\r\n"
        assert not between.exists()
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        outputs = [process.communicate(timeout=30)[0] for process in running if process.returncode is None]
    assert r"not recorded: AT+NOTHING\r" in outputs[0]
    assert not link.exists()
    assert not again.exists()


def test_a_file_that_is_none_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "no.txt").write_text("what?")
    process = mvh("modem", "replay", str(tmp_path / "no.txt"))
    said = process.communicate(timeout=60)[0]
    assert process.returncode != 0
    assert "line 1 of the recording is not" in said
    assert "Traceback" not in said
