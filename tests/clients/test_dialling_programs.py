"""chat, pppd, wvdial and comgt dial through the modem's port."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.bus import program, wait_until

if TYPE_CHECKING:
    from tests.clients.conftest import Place

SCRIPT = """ABORT BUSY
ABORT 'NO CARRIER'
ABORT ERROR
REPORT CONNECT
TIMEOUT 10
'' ATZ
OK ATE1V1
OK 'AT+CFUN=1'
OK 'AT+CGDCONT=1,"IP","super"'
OK ATD*99***1#
CONNECT '\\c'
"""


def needs(name: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None and not Path(f"/usr/sbin/{name}").exists(),
                              reason=f"{name} is not installed (Debian package {package})")


def found(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


def chat(place: Place, script: Path) -> subprocess.CompletedProcess[str]:
    with place.link.open("r+b", buffering=0) as port:
        return subprocess.run([found("chat"), "-v", "-S", "-s", "-f", str(script)], stdin=port, stdout=port,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)


@needs("chat", "ppp")
def test_chat_script(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPT)
    done = chat(place, script)
    assert done.returncode == 0, done.stderr
    assert "CONNECT 150000000" in done.stderr
    # chat closed the port, which hangs up: the script runs again
    place.until(lambda: not place.modem.packet.taps, "end of the connection")
    assert chat(place, script).returncode == 0


@needs("chat", "ppp")
def test_chat_script_aborts(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(SCRIPT.replace("***1#", "***7#"))
    assert chat(place, script).returncode == 5  # the second of the abort strings: NO CARRIER
    script.write_text(SCRIPT.replace("AT+CFUN=1", "AT+NONSENSE"))
    assert chat(place, script).returncode == 6


@needs("pppd", "ppp")
@pytest.mark.skipif(Path("/dev/ppp").exists(), reason="with a /dev/ppp, pppd would change this machine's routes")
def test_pppd_script(place: Place, tmp_path: Path) -> None:
    done = subprocess.run([found("pppd"), str(place.link), "115200", "nodetach", "noauth", "nolock", "connect", "true"],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (3, 4), done.stdout + done.stderr  # not root, or no kernel support


@needs("wvdial", "wvdial")
def test_wvdial(place: Place, tmp_path: Path) -> None:
    configuration, log = tmp_path / "wvdial.conf", tmp_path / "log"
    configuration.write_text(f"[Dialer Defaults]\nModem = {place.link}\nBaud = 115200\nInit1 = ATZ\n"
                             "Init2 = ATQ0 V1 E1 S0=0 &C1 &D2 +FCLASS=0\nInit3 = AT+CGDCONT=1,\"IP\",\"super\"\n"
                             "Phone = *99#\nUsername = any\nPassword = any\nStupid Mode = 1\nAuto Reconnect = off\n")
    # its tasks have stacks too small for the dynamic linker on processors with long vector registers
    environment = {"PATH": os.environ["PATH"], "LD_BIND_NOW": "1"}
    with program(log, "wvdial", "-C", str(configuration), env=environment):
        wait_until(lambda: "Starting pppd" in log.read_text(errors="replace"), "pppd")
    assert "CONNECT 150000000" in log.read_text(errors="replace")


@needs("comgt", "comgt")
def test_comgt(place: Place) -> None:
    def run(script: str) -> str:
        done = subprocess.run(["comgt", "-d", str(place.link), script], capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "Signal Quality: 20,99" in run("sig")
    assert 'Registered on Roaming network: "AT&T Mobility",8' in run("reg")
    assert place.modem.imei in run("info")
