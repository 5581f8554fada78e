"""smstools, gnokii, kannel and python-gammu send and receive through the modem's port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.bus import program, wait_until

if TYPE_CHECKING:
    from tests.clients.conftest import Place

LONG = "three parts " + "0123456789 " * 34 + "end"


def needs(name: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed (Debian package {package})")


# -- smstools ---------------------------------------------------------------------------------------------------------


@needs("smsd", "smstools")
def test_smstools(place: Place, tmp_path: Path) -> None:
    names = {"outgoing": "out", "checked": "checked", "incoming": "in", "sent": "sent", "failed": "failed",
             "report": "reports"}
    for name in names.values():
        (tmp_path / name).mkdir()
    configuration = tmp_path / "smsd.conf"
    configuration.write_text(
        "devices = GSM1\n" + "".join(f"{key} = {tmp_path / name}\n" for key, name in names.items())
        + f"logfile = {tmp_path}/log\ninfofile = {tmp_path}/info\npidfile = {tmp_path}/pid\nloglevel = 7\n"
          f"delaytime = 1\n[GSM1]\ndevice = {place.link}\nincoming = yes\nreport = yes\nmemory_start = 0\n"
          "init = AT+CNMI=2,1,0,2,0\nsecondary_memory = SR\nsecondary_memory_max = 10\nprimary_memory = ME\n")
    # the s keeps a short number from being taken for an international one
    for number, (text, alphabet) in enumerate((("LED IS ON", ""), (LONG, ""),
                                               ("Ελληνικά, привет", "Alphabet: UTF-8\n"))):
        (tmp_path / "out" / f"{number}").write_text(f"To: s000\nReport: yes\n{alphabet}\n{text}", encoding="utf-8")
    with program(tmp_path / "said", "smsd", "-t", "-c", str(configuration)):
        place.until(place.send("LED ON"), "delivery", seconds=30)
        wait_until(lambda: len(list((tmp_path / "sent").iterdir())) == 3, "files of what was sent", 60)
        wait_until(lambda: any((tmp_path / "in").iterdir()), "file in the inbox", 60)
        # a report a message: smstools asks for one with the last part only
        wait_until(lambda: len(list((tmp_path / "reports").iterdir())) >= 3, "reports", 60)
    assert sorted(place.cloud.texts) == sorted(["LED IS ON", LONG, "Ελληνικά, привет"])
    (came,) = (tmp_path / "in").iterdir()
    head, _, body = came.read_text(encoding="utf-8").partition("\n\n")
    assert (body, "From: 000" in head, f"IMSI: {place.modem.imsi}" in head) == ("LED ON", True, True)
    for report in (tmp_path / "reports").iterdir():
        assert "Status: 0,Ok,short message received by the SME" in report.read_text(encoding="utf-8")


# -- gnokii -----------------------------------------------------------------------------------------------------------


@needs("gnokii", "gnokii-cli")
def test_gnokii(place: Place, tmp_path: Path) -> None:
    configuration = tmp_path / "gnokiirc"
    configuration.write_text(f"[global]\nport = {place.link}\nmodel = AT\nconnection = serial\n"
                             "serial_baudrate = 115200\nuse_locking = no\n")

    def run(*arguments: str, typed: str = "", code: int = 0) -> str:
        done = subprocess.run(["gnokii", "--config", str(configuration), *arguments], input=typed, capture_output=True,
                              text=True, timeout=60, check=False, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"],
                                                                      "HOME": str(tmp_path)})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    identity = run("--identify")
    for expected in (place.modem.imei, "Quectel", "BG96", "BG96MAR02A07M1G"):
        assert expected in identity
    assert "+12063130004" in run("--getsmsc", "1")
    assert "RFLevel: 20" in run("--monitor", "once", code=5)  # it asks for a phone book, which there is not
    assert "Send succeeded with reference" in run("--sendsms", "000", "-r", typed="LED IS ON")
    run("--sendsms", "000", typed="привет")
    place.until(lambda: place.cloud.texts == ["LED IS ON", "привет"], "texts at the cloud")
    place.until(place.send("LED ON"), "delivery")
    came = run("--getsms", "ME", "0")
    assert "Inbox Message" in came
    assert "Text:\nLED ON\n" in came
    assert "Deleted SMS (location 0 from memory ME)" in run("--deletesms", "ME", "0")
    assert "The given location is empty" in run("--getsms", "ME", "0", code=18)


# -- kannel -----------------------------------------------------------------------------------------------------------


@needs("bearerbox", "kannel")
def test_kannel_receives_by_direct_delivery(place: Place, tmp_path: Path) -> None:
    # it answers to the sender, whose 00 it takes for the international prefix: the network bars what is left
    log = tmp_path / "log"
    configuration = tmp_path / "kannel.conf"
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    configuration.write_text(f"""group = core
admin-port = {ports[0]}
admin-password = any
smsbox-port = {ports[1]}
log-level = 0
box-allow-ip = 127.0.0.1

group = smsc
smsc = at
smsc-id = vm
modemtype = generic
device = {place.link}
speed = 115200
sms-center = "+12063130004"
log-level = 0
keepalive = 1

group = modems
id = generic
name = "Generic"
detect-string = "OK"
message-storage = "ME"
message-start = 0

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = 0

group = sendsms-user
username = tester
password = word

group = sms-service
keyword = default
text = "%a"
""")
    with program(log, "bearerbox", "-v", "0", str(configuration)):
        wait_until(lambda: "AT SMSC successfully opened" in log.read_text(errors="replace"), "kannel on line", 60)
        place.until(place.send("LED ON"), "delivery", seconds=30)
        wait_until(lambda: "received message from SMSC: +12063130004" in log.read_text(errors="replace"),
                   "message at kannel")


# -- python-gammu -----------------------------------------------------------------------------------------------------

_SESSION = """
import gammu, sys
machine = gammu.StateMachine()
machine.SetConfig(0, {"Device": sys.argv[1], "Connection": "at115200"})
machine.Init()
print(machine.GetManufacturer(), machine.GetModel()[1], machine.GetIMEI(), machine.GetSIMIMSI())
info = {"Class": -1, "Unicode": True, "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": sys.argv[2]}]}
for part in gammu.EncodeSMS(info):
    part["SMSC"], part["Number"] = {"Location": 1}, "000"
    machine.SendSMS(part)
print(machine.GetSMSStatus()["PhoneUsed"])
for message in machine.GetNextSMS(0, True):
    print(message["Number"], message["Text"], message["State"])
    machine.DeleteSMS(0, message["Location"])
print(machine.GetSMSStatus()["PhoneUsed"], machine.GetSecurityStatus(), machine.GetSignalQuality()["SignalStrength"])
machine.Terminate()
"""


def _has_gammu() -> bool:
    return subprocess.run(["/usr/bin/python3", "-c", "import gammu"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not Path("/usr/bin/python3").exists() or not _has_gammu(),
                    reason="python-gammu is not installed (Debian package python3-gammu)")
def test_python_gammu(place: Place) -> None:
    place.until(place.send("LED ON"), "delivery")
    text = "Ελληνικά " * 12
    done = subprocess.run(["/usr/bin/python3", "-c", _SESSION, str(place.link), text], capture_output=True, text=True,
                          timeout=60, check=False, env={"LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"Quectel BG96 {place.modem.imei} {place.modem.imsi}", "1", "000 LED ON UnRead",
                                        "0 None -73"]
    place.until(lambda: place.cloud.texts == [text], "text at the cloud")
