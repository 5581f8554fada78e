"""gsm0710muxd, a multiplexer of 3GPP TS 27.010, makes ports of its own out of the modem's one."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial

from tests.clients.bus import message_bus, missing, program, wait_until

if TYPE_CHECKING:
    from tests.clients.conftest import Place

_NAME, _OBJECT, _POWERED = "org.pyneo.mux", "/org/pyneo/Muxer", "org.pyneo.Powered."
_LACKING = missing("gsm0710muxd")

pytestmark = pytest.mark.skipif(_LACKING is not None, reason=f"{_LACKING} is not installed (Debian package)")


def test_three_channels_of_the_basic_option(place: Place, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with tempfile.TemporaryDirectory() as folder, message_bus(Path(folder), _NAME) as bus, \
            program(log, "gsm0710muxd", "-s", str(place.link), "-m", "basic", env=bus.environment):
        wait_until(lambda: bus.answers(_OBJECT, _POWERED + "GetPower", "any"), "service on the bus")
        bus.call(_OBJECT, _POWERED + "SetPower", "any", "true")
        # a look every few seconds is what makes it open the port
        names = [bus.wait_for(r"/dev/pts/\d+", _OBJECT, _POWERED + "GetDevice", f"channel-{index}")[0]
                 for index in range(3)]
        assert len(set(names)) == 3
        ports = [serial.Serial(name, timeout=10) for name in names]
        try:
            for index, port in enumerate(ports):  # the settings of a channel are its own
                port.write(f"ATE{index % 2}\r".encode())
                assert port.read_until(b"OK\r\n").endswith(b"\r\nOK\r\n")
            for index, port in enumerate(ports):
                port.write(b"AT+CGSN\r")
                said = port.read_until(b"OK\r\n")
                assert place.modem.imei.encode() in said
                assert said.startswith(b"AT+CGSN\r") is bool(index % 2)
            ports[0].write(b"AT+CFUN=1\r")  # it had switched the radio off before
            place.until(lambda: place.modem.radio.served, "registration")
            ports[1].write(b"AT+CMGF=1\r")
            assert b"OK" in ports[1].read_until(b"OK\r\n")
            ports[1].write(b'AT+CMGS="000"\r')
            assert ports[1].read_until(b"> ").endswith(b"\r\n> ")
            ports[1].write(b"LED IS ON\x1a")
            assert re.search(rb"\+CMGS: \d+\r\n\r\nOK", ports[1].read_until(b"OK\r\n"))
            place.until(lambda: place.cloud.texts == ["LED IS ON"], "the text at the cloud")
        finally:
            for port in ports:
                port.close()
