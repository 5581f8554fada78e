"""Perl's Device::Gsm at each maker's module: it begins with +++ and a V.250 line, and sends in PDU mode."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Place

_PROGRAM = """use Device::Gsm;
my $gsm = Device::Gsm->new(port => $ARGV[0], log => "file,$ARGV[1]");
die "no modem\\n" unless $gsm->connect(baudrate => 115200);
print join('|', $gsm->manufacturer(), $gsm->model(), $gsm->imei()), "\\n";
print "registered\\n" if $gsm->register();
print $gsm->signal_quality(), "\\n", $gsm->service_center(), "\\n";
$gsm->send_sms(recipient => '000', content => $_, status_report => 1) or die "not sent\\n" for 'LED ON', 'LED OFF';
"""


def _perl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["perl", *arguments], capture_output=True, text=True, timeout=60, check=False)


pytestmark = pytest.mark.skipif(shutil.which("perl") is None or _perl("-MDevice::Gsm", "-e", "1").returncode != 0,
                                reason="Device::Gsm is not installed (Debian package libdevice-gsm-perl)")


@pytest.fixture(params=["BG96", "SIM7600", "SARA-R4", "ME910"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place with a registered modem of each maker."""
    opened = Place(tmp_path / "ttyVM0", profile=request.param)
    yield opened
    opened.close()


def test_identity_service_and_messages(place: Place, tmp_path: Path) -> None:
    done = _perl("-e", _PROGRAM, str(place.link), str(tmp_path / "log"))
    assert done.returncode == 0, done.stdout + done.stderr
    profile = place.modem.profile
    for expected in (profile.manufacturer, profile.model, place.modem.imei, "registered", "-73", '"+12063130004",145'):
        assert expected in done.stdout, done.stdout
    place.until(lambda: place.cloud.texts == ["LED ON", "LED OFF"], "texts at the cloud")
