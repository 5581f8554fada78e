"""Recorded at one port, replayed at another: the same client hears the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.clock import RealClock
from harness.drivers.modem import Modem, SerialChannel, find_dialect
from harness.errors import FormatError, ModemError, PortTaken, UsageError
from harness.formats.recording import Recording
from harness.journal import Journal
from harness.rig.recorder import Recorder, Replay, read_recording
from harness.virtual.modem import SimCard, VirtualModem


def drive(port: Path) -> list[str]:
    """Do what a test does with a modem; return what it saw."""
    clock = RealClock()
    journal = Journal(now=clock.now)
    modem = Modem(SerialChannel(str(port), clock, "modem", journal), find_dialect("bg96"), clock, journal, "modem")
    modem.open(within="20s")
    try:
        return [str(modem.identity()), str(modem.signal()), str(modem.command("AT+CSQ").lines),
                str(modem.command("AT+CPMS?").lines)]
    finally:
        modem.close()


@pytest.mark.parametrize("address", ["pty", "socket"])
def test_a_replayed_modem_is_the_recorded_one(
        tmp_path: Path, make_modem: Callable[..., VirtualModem], address: str) -> None:
    ports = {"pty": (), "socket": ("tcp:127.0.0.1:0",)}[address]
    modem = make_modem(profile="BG96", link=tmp_path / "real", ports=ports, sim=SimCard(
        "8988307000000000001", "310170845466094"))
    real = str(tmp_path / "real") if address == "pty" else \
        modem.ports.addresses[-1].replace("tcp:", "socket://")
    recorder = Recorder(real, tmp_path / "session.txt", tmp_path / "recorded")
    first = drive(tmp_path / "recorded")
    recorder.close()
    recorder.close()
    assert recorder.pieces > 10
    assert not (tmp_path / "recorded").exists()
    assert modem.imei in first[0]

    replay = Replay(tmp_path / "session.txt", tmp_path / "replayed", pace=0)
    try:
        assert drive(tmp_path / "replayed") == first
        assert replay.modem.unknown == []
    finally:
        replay.close()
        replay.close()
    assert not (tmp_path / "replayed").exists()


def test_the_driver_s_own_transcript_is_a_recording(
        tmp_path: Path, make_modem: Callable[..., VirtualModem]) -> None:
    make_modem(profile="BG96", link=tmp_path / "real")
    clock = RealClock()
    journal = Journal(now=clock.now)
    modem = Modem(SerialChannel(str(tmp_path / "real"), clock, "modem", journal), find_dialect("bg96"), clock, journal,
                  "modem")
    modem.open(within="20s")
    said = modem.command("AT+CGMR").text
    modem.save_transcript(tmp_path / "session.txt")
    modem.close()
    assert read_recording(tmp_path / "session.txt").text() == Recording.of(modem.transcript()).text()
    replay = Replay(tmp_path / "session.txt", tmp_path / "replayed", pace=0)
    try:
        again = Modem(SerialChannel(str(tmp_path / "replayed"), clock, "again", journal), find_dialect("bg96"), clock,
                      journal, "again")
        again.open(within="20s")
        assert again.command("AT+CGMR").text == said
        again.close()
    finally:
        replay.close()


def test_what_can_not_be_recorded_or_replayed(tmp_path: Path) -> None:
    (tmp_path / "there.txt").write_text("0 > AT\\r\nnonsense\n")
    with pytest.raises(ModemError, match="can't open"):
        Recorder(str(tmp_path / "nothing"), tmp_path / "a.txt", tmp_path / "link")
    with pytest.raises(UsageError, match="no file descriptor"):
        Recorder("loop://", tmp_path / "a.txt", tmp_path / "link")
    with pytest.raises(UsageError, match="no serial port URL"):
        Recorder("gopher://x", tmp_path / "a.txt", tmp_path / "link")
    with pytest.raises(FormatError, match=r"there.txt: line 2 of the recording"):
        Replay(tmp_path / "there.txt", tmp_path / "link")
    with pytest.raises(UsageError, match="can't read"):
        Replay(tmp_path / "nothing.txt", tmp_path / "link")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError, match="is no recording"):
        Replay(tmp_path / "binary.txt", tmp_path / "link")
    (tmp_path / "good.txt").write_text("0 > AT\\r\n0 < OK\\r\\n\n")
    (tmp_path / "taken").write_text("")
    with pytest.raises(PortTaken):
        Replay(tmp_path / "good.txt", tmp_path / "taken")
    assert not (tmp_path / "a.txt").exists()


def test_a_file_that_exists_is_not_written_over(
        tmp_path: Path, make_modem: Callable[..., VirtualModem]) -> None:
    make_modem(profile="BG96", link=tmp_path / "real")
    (tmp_path / "there.txt").write_text("precious")
    with pytest.raises(UsageError, match="can't make"):
        Recorder(str(tmp_path / "real"), tmp_path / "there.txt", tmp_path / "link")
    assert (tmp_path / "there.txt").read_text() == "precious"


def test_a_modem_that_goes_is_told(tmp_path: Path, make_modem: Callable[..., VirtualModem]) -> None:
    modem = make_modem(profile="BG96", link=tmp_path / "real")
    told: list[str] = []
    recorder = Recorder(str(tmp_path / "real"), tmp_path / "a.txt", tmp_path / "link",
                        gone=lambda: told.append("gone"))
    with modem.world.turn():
        modem.ports.unplug()
    RealClock().wait(lambda: bool(told), within="10s", what="the loss of the port")
    recorder.close()
    assert told == ["gone"]
