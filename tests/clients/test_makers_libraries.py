"""Libraries for one maker's boards and modules, each as it comes from the registry and unchanged.

They are put into a folder of their own: some have modules of very common names, or need a board's pins to be installed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Place
from tests.clients.environment import install

pytest.importorskip("serial")

_PACKAGES = ("sixfab-cellulariot==1.2.0", "sim-modem==1.0.3", "pyhumod==0.4")

_TYPED = "LED IS ON\r"  # both end the text as they end commands

_SIXFAB = """
import sys
from unittest.mock import MagicMock
for name in ("RPi", "RPi.GPIO", "Adafruit_ADS1x15", "smbus"):  # pins and sensors of the board around the module
    sys.modules[name] = MagicMock()
from cellulariot.cellulariot import CellularIoT
shield = CellularIoT(serial_port=sys.argv[1])
shield.sendATComm('AT+CGDCONT=1,"IP","super"', "OK\\r\\n")
shield.getIMEI(); shield.getFirmwareInfo(); shield.getHardwareInfo()
shield.setCATM1Band(shield.LTE_B12); shield.setScrambleConf(shield.SCRAMBLE_ON); shield.setMode(shield.AUTO_MODE)
shield.getBandConfiguration()
shield.connectToOperator(); shield.getQueryNetworkInfo()
shield.sendSMS("000", "LED IS ON")
shield.activateContext()
shield.setIPAddress("127.0.0.1"); shield.startUDPService(); shield.closeConnection(); shield.deactivateContext()
"""

_SIM_MODEM = """
import sys
from sim_modem import Modem
modem = Modem(sys.argv[1], timeout=1)  # it takes so much silence for the end of an answer
print(modem.get_serial_number(), modem.get_firmware_version(), modem.get_network_mode().name)
print(modem.get_network_name(), modem.get_phone_number(), modem.send_sms("000", "LED IS ON"))
"""

_HUMOD = """
import sys
from humod import Modem
modem = Modem(sys.argv[1], sys.argv[1])
print(modem.show_imei(), modem.show_model(), modem.get_networks(), modem.get_rssi(), modem.get_pin_status())
modem.enable_textmode(True); modem.enable_nmi(True); modem.enable_clip(True)
modem.set_pdp_context(1, "IP", "super")
print(modem.get_pdp_context(), modem.get_service_center(), modem.sms_list())
modem.sms_send("000", "LED IS ON")
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the libraries."""
    folder = tmp_path_factory.mktemp("libraries")
    install(", ".join(_PACKAGES), sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
            str(folder), *_PACKAGES)
    return folder


def _run(libraries: Path, script: str, place: Place) -> str:
    done = subprocess.run([sys.executable, "-c", script, str(place.link)], capture_output=True, text=True, timeout=90,
                          check=False, env=os.environ | {"PYTHONPATH": str(libraries)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place with a registered modem of the library's module."""
    opened = Place(tmp_path / "ttyVM0", profile=request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("place", ["BG96"], indirect=True)
def test_sixfab_cellular_iot(libraries: Path, place: Place) -> None:
    said = _run(libraries, _SIXFAB, place)
    for fact in (place.modem.imei, "BG96MAR02A07M1G", '+QCFG: "band",0xf,0x800,0xa0e189f', "+QNWINFO:", "+CMGS: 0",
                 '+QISTATE: 1,"UDP SERVICE"'):
        assert fact in said, said
    place.until(lambda: place.cloud.texts == [_TYPED], "the text at the cloud")


@pytest.mark.parametrize("place", ["SIM7600"], indirect=True)
def test_sim_modem(libraries: Path, place: Place) -> None:
    said = _run(libraries, _SIM_MODEM, place)
    for fact in (f"{place.modem.imei} LE20B04SIM7600G22 AUTOMATIC", "AT&T Mobility +15550001111"):
        assert fact in said, said
    place.until(lambda: place.cloud.texts == [_TYPED], "the text at the cloud")


@pytest.mark.parametrize("place", ["EC25"], indirect=True)
def test_pyhumod(libraries: Path, place: Place) -> None:
    said = _run(libraries, _HUMOD, place)
    for fact in (f"{place.modem.imei} EC25", "'AT&T Mobility', 'AT&T', 310410, 7", "20 Sim card ready",
                 "[[1, 'IP', 'super'", "'+12063130004'"):
        assert fact in said, said
    place.until(lambda: place.cloud.texts == ["LED IS ON"], "the text at the cloud")
