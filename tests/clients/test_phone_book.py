"""Programs that read and write phone books: gammu, python-gammu (which wammu is built on) and gnokii."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.clients.conftest import Place

ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
LONG = "12345678901234567890123"
PEOPLE = [("+447700900123", "Ann"), ("5551234", "Анна"), (LONG, 'Zoë Öde "q"')]


def run(*command: str, typed: str = "") -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT,
                          input=typed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def gammu(place: Place, tmp_path: Path) -> Callable[..., str]:
    """Runs one gammu command and returns what it printed."""
    config = tmp_path / "gammurc"
    config.write_text(f"[gammu]\ndevice = {place.link}\nconnection = at115200\n")
    return lambda *command: run("gammu", "-c", str(config), *command)


@pytest.mark.skipif(shutil.which("gammu") is None, reason="gammu is not installed (Debian package gammu)")
def test_gammu_keeps_people(gammu: Callable[..., str], place: Place, tmp_path: Path) -> None:
    cards = tmp_path / "people.vcf"
    cards.write_text("".join(f"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8:{name};;;;\r\nTEL;PREF:{number}\r\n"
                             "END:VCARD\r\n" for number, name in PEOPLE), encoding="utf-8")
    gammu("addnew", str(cards), "-yes")
    copy = tmp_path / "copy.vcf"
    gammu("backup", str(copy), "-yes")
    kept = copy.read_text(encoding="utf-8")
    assert re.findall(r"^TEL;PREF:(.*)$", kept, re.MULTILINE) == [number for number, _ in PEOPLE]
    assert "N:Ann" in kept
    assert "=D0=90=D0=BD=D0=BD=D0=B0" in kept
    assert "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Zo=C3=AB =C3=96de" in kept
    batch = tmp_path / "batch"
    batch.write_text("getmemory SM 1 5\ngetallmemory ON\ngetmemory FD 1 10\n")
    told = gammu("batch", str(batch))
    assert "5 entries empty, 0 entries filled" in told
    assert '"+15550001111"' in told
    assert "10 entries empty, 0 entries filled" in told


_SCRIPT = """
import gammu, json, sys
phone = gammu.StateMachine()
phone.SetConfig(0, {"Device": sys.argv[1], "Connection": "at115200"})
phone.Init()
told = {"places": [phone.AddMemory({"MemoryType": "SM", "Location": 0, "Entries": [
    {"Type": "Number_General", "Value": number}, {"Type": "Text_Name", "Value": name}]})
    for number, name in json.loads(sys.argv[2])]}
def read(entry):
    return [value["Value"] for value in entry["Entries"]]
told["read"] = [read(phone.GetMemory(Type="SM", Location=place)) for place in told["places"]]
first = phone.GetMemory(Type="SM", Location=1)
first["Entries"][0]["Value"] = "+4412"
phone.SetMemory(first)
told["first"] = read(phone.GetNextMemory(Start=True, Type="SM"))
phone.DeleteMemory(Type="SM", Location=2)
told["status"] = [phone.GetMemoryStatus(Type=name) for name in ("SM", "ME", "FD", "ON")]
told["own"] = read(phone.GetNextMemory(Start=True, Type="ON"))
try:
    phone.SetMemory({"MemoryType": "FD", "Location": 1, "Entries": [{"Type": "Number_General", "Value": "12"}]})
except gammu.ERR_SECURITYERROR:
    told["fixed"] = "refused"
print(json.dumps(told))
"""


def test_python_gammu_edits_the_cards_book(place: Place) -> None:
    if subprocess.run(("/usr/bin/python3", "-c", "import gammu"), capture_output=True, check=False).returncode:
        pytest.skip("python-gammu is not installed (Debian package python3-gammu)")
    told = json.loads(run("/usr/bin/python3", "-c", _SCRIPT, str(place.link), json.dumps(PEOPLE)))
    assert told == {
        "places": [1, 2, 3], "read": [list(one) for one in PEOPLE], "first": ["+4412", "Ann"], "own": [
            "+15550001111", ""], "fixed": "refused",
        "status": [{"Used": 2, "Free": 48}, {"Used": 0, "Free": 255}, {"Used": 0, "Free": 10}, {"Used": 1, "Free": 1}]}
    card = place.modem.slot.card
    assert card is not None
    assert card.files.files[0x6F3A].records[0].hex().upper() == "416E6E" + "FF" * 11 + "03914421" + "FF" * 10


@pytest.mark.skipif(shutil.which("gnokii") is None, reason="gnokii is not installed (Debian package gnokii-cli)")
def test_gnokii_reads_and_writes(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "gnokiirc"
    config.write_text(f"[global]\nport = {place.link}\nmodel = AT\nconnection = serial\nuse_locking = no\n"
                      "serial_baudrate = 115200\n")

    def gnokii(*command: str, typed: str = "") -> str:
        return run("gnokii", "--config", str(config), *command, typed=typed)

    assert "Write Succeeded" in gnokii("--writephonebook", "--overwrite", typed="Bob;+4412345;SM;7;5\n")
    assert "Write Succeeded" in gnokii("--writephonebook", "--find-free", typed="Ann;5551234;SM;;5\n")
    listed = re.sub(r"Caller group: .*\n", "", gnokii("--getphonebook", "SM", "1", "end"))
    assert "1. Name: Ann\nNumber: 5551234\n" in listed
    assert "7. Name: Bob\nNumber: +4412345\n" in listed
    assert "TEL;TYPE=PREF,VOICE:+4412345" in gnokii("--getphonebook", "SM", "1", "10", "--vcard")
    assert "Number: +15550001111" in gnokii("--getphonebook", "ON", "1", "end")
    gnokii("--deletephonebook", "SM", "7")
    assert "Bob" not in gnokii("--getphonebook", "SM", "1", "end")
