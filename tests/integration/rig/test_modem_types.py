"""Modems of several makers in one rig, by running pytest inside pytest, and what ``mvh modem`` prints of them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from harness.cli.app import app
from harness.drivers.modem import find_dialect
from harness.virtual.modem import load_profile, profile_names

pytest_plugins = ["pytester"]

_RIG = """
name = "mixed"
board = []

[[modem]]
name = "quectel"
profile = "BG95"

[[modem]]
name = "simcom"
profile = "SIM7080G"

[[modem]]
name = "lte"
profile = "SIM7600"

[[modem]]
name = "u-blox"
profile = "SARA-R5"
imei = "355442110000002"

[[modem]]
name = "telit"
profile = "ME910"
"""

_TESTS = """
import pytest

NAMES = ("quectel", "simcom", "lte", "u-blox", "telit")

def test_each_gets_its_own_commands(cloud, rig):
    for name in NAMES:
        modem = rig.modem(name)
        modem.registered(within="60s")
        sim = cloud.supersim.sim(modem.iccid)
        command = sim.send_sms(f"hello {name}")
        assert modem.expect_sms(f"hello {name}", within="60s").sender == "000"
        command.wait_status("delivered", within="30s")
        with modem.udp_open(6969) as socket:
            sim.send_ip(b"temperature?", port=6969)
            socket.expect(b"temperature?", within="60s")
            socket.send(b"21.5", to=("100.64.0.1", 6969))
        modem.send_sms("000", f"{name} is here")

def test_they_do_not_disturb_each_other(rig, clock):
    sockets = {name: rig.modem(name) for name in NAMES}
    for modem in sockets.values():
        modem.registered(within="60s")
    opened = {name: modem.udp_open(7000) for name, modem in sockets.items()}
    assert len({socket.address for socket in opened.values()}) == len(NAMES)
    sockets["simcom"].power_cycle()
    assert sockets["telit"].registered().status.is_roaming
    opened["lte"].send(b"x", to=("100.64.0.1", 7000))
    assert rig.modem("u-blox").identity().imei == "355442110000002"
"""


def test_modems_of_several_makers_in_one_rig(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=_RIG)
    pytester.makepyfile(_TESTS)
    pytester.runpytest_inprocess("--rig", "rig.toml", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_profiles_are_listed() -> None:
    result = CliRunner().invoke(app, ["modem", "profiles"])
    assert result.exit_code == 0, result.output
    for name in profile_names():
        assert name in result.output
        assert find_dialect(name).name in result.output
    lines = CliRunner().invoke(app, ["modem", "profiles", "--json"]).output.splitlines()
    assert [json.loads(line)["profile"] for line in lines] == list(profile_names())


@pytest.mark.parametrize("name", profile_names())
def test_command_tables_are_printed(name: str) -> None:
    result = CliRunner().invoke(app, ["modem", "commands", name.lower()])
    assert result.exit_code == 0, result.output
    assert any(line.split()[:2] == ["+CPIN", "TRS-"] for line in result.output.splitlines())
    assert load_profile(name).description


@pytest.mark.parametrize(("modem", "rule"), [
    ('profile = "auto"', "a virtual modem needs the name of a profile"),
    ('[modem.power]\noff = ["a"]', "modem[0].power.on"),
    ('imei = "1"', "imei"),
])
def test_wrong_rig_files_are_told(modem: str, rule: str, pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=f'name = "x"\nboard = []\n[[modem]]\nname = "m"\n{modem}\n')
    pytester.makepyfile("def test_x(modem): pass")
    result = pytester.runpytest_inprocess("--rig", "rig.toml", "-p", "no:cacheprovider")
    assert rule in (result.stdout.str() + result.stderr.str())
