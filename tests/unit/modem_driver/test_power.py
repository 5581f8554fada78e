"""Power switches: programs of a bench, and what goes wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import QUECTEL, Modem
from harness.drivers.power import CommandSwitch
from harness.errors import DeviceError, PortLost, TimeoutExpired, UsageError

if TYPE_CHECKING:
    from tests.unit.modem_driver.conftest import Bench


class NoteSwitch:
    """Notes what is asked of it, and lets the modem's port answer or not."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.log: list[str] = []

    def off(self) -> None:
        self.log.append("off")
        self._bench.peer.deaf = True

    def on(self) -> None:
        self.log.append("on")
        self._bench.peer.deaf = False


def test_programs_are_run_as_they_are(tmp_path: Path) -> None:
    note = tmp_path / "note with $blanks; rm"
    script = f"import sys; open({str(note)!r}, 'a').write(sys.argv[1])"
    switch = CommandSwitch(off=[sys.executable, "-c", script, "off "], on=[sys.executable, "-c", script, "on "])
    switch.off()
    switch.on()
    assert note.read_text() == "off on "


@pytest.mark.parametrize(("command", "rule"), [
    (["/no/such/program"], "can't run '/no/such/program'"),
    ([sys.executable, "-c", "import sys; sys.exit('relay 3 is gone')"], "exit code 1: relay 3 is gone"),
])
def test_what_goes_wrong_is_told(command: list[str], rule: str) -> None:
    with pytest.raises(DeviceError, match=rule):
        CommandSwitch(off=command, on=command).off()


def test_a_program_that_does_not_end_is_given_up() -> None:
    hanging = CommandSwitch(off=["sleep", "60"], on=["true"], within="100ms")
    with pytest.raises(DeviceError, match="took longer than 100ms"):
        hanging.off()


def test_a_switch_needs_both_programs() -> None:
    with pytest.raises(UsageError, match="one for on"):
        CommandSwitch(off=["true"], on=[])


def test_a_power_cycle(virtual: Bench) -> None:
    switch = NoteSwitch(virtual)
    modem = Modem(virtual.channel, QUECTEL, virtual.clock, virtual.journal, "modem-1", power=switch)
    modem.open()
    before = virtual.clock.now()
    virtual.peer.commands.clear()
    modem.power_cycle(off_for="3s")
    assert switch.log == ["off", "on"]
    assert virtual.clock.now() - before >= 3_000_000_000
    assert virtual.peer.commands[:4] == ["AT", "AT", "ATE0", "ATV1"]


def test_a_modem_that_does_not_come_back(virtual: Bench) -> None:
    switch = NoteSwitch(virtual)
    modem = Modem(virtual.channel, QUECTEL, virtual.clock, virtual.journal, "modem-1", power=switch)
    modem.open()
    modem.power_off()
    switch.on = lambda: None  # type: ignore[method-assign]
    with pytest.raises(TimeoutExpired, match="an answer to AT"):
        modem.power_on(within="10s")


def test_a_port_that_went_away_for_good(virtual: Bench) -> None:
    switch = NoteSwitch(virtual)
    modem = Modem(virtual.channel, QUECTEL, virtual.clock, virtual.journal, "modem-1", power=switch)
    modem.open()
    virtual.peer.hang_up()
    virtual.clock.sleep("1s")
    with pytest.raises((PortLost, DeviceError), match=r"(can't open|was lost)"):
        modem.power_cycle(within="5s")


def test_a_modem_without_a_switch(virtual: Bench) -> None:
    with pytest.raises(UsageError, match="no power switch"):
        virtual.modem.power_cycle()


def test_expectations_name_parts_of_the_identity(virtual: Bench) -> None:
    with pytest.raises(UsageError, match="has no colour"):
        Modem(virtual.channel, QUECTEL, virtual.clock, virtual.journal, "modem-1", expected={"colour": "blue"})
