"""A rig file says what a modem's commands take; the driver is ready for the slowest."""

from __future__ import annotations

from typing import Literal

import pytest

from harness.clock import NANOSECONDS
from harness.rig import RigOpener
from harness.rig.model import ModemTable, RigFile


@pytest.mark.parametrize(("timings", "seconds"), [("quick", 0), ("typical", 0.9), ("longest", 120)])
def test_a_text_takes_what_the_rig_file_says(timings: Literal["quick", "typical", "longest"], seconds: float) -> None:
    opener = RigOpener(RigFile(modem=(ModemTable(name="modem-1", timings=timings),), board=()))
    rig = opener.open()
    try:
        modem = rig.modem()
        modem.registered(within="120s")
        before = rig.clock.now()
        modem.send_sms("000", "LED IS ON")
        took = (rig.clock.now() - before) / NANOSECONDS
    finally:
        rig.close()
        opener.close()
    assert took >= seconds
    assert took < seconds + 10
