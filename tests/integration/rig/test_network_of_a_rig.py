"""Cells of a rig file, and the fixture ``network``, by running pytest inside pytest."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

_RIG = """
name = "cells"
board = []

[network]
nat_timeout = "30s"

[[network.cell]]
plmn = "310410"
operator = "AT&T"
ci = 1
signal = -70

[[network.cell]]
plmn = "310260"
operator = "T-Mobile"
technology = "lte"
tac = 7
ci = 2
signal = [["0s", -90], ["1h", -90], ["2h", -120]]
"""

_TESTS = """
def test_the_strongest_is_taken_and_handed_over(modem, network, clock):
    modem.registered(within="60s")
    assert modem.command("AT+CSQ").lines == ("+CSQ: 21,99",)
    network.hand_over(modem.iccid, 2)
    clock.sleep("1s")
    assert modem.command("AT+COPS?").lines == ('+COPS: 0,0,"T-Mobile",7',)

def test_profiles_decide(cloud, modem, network, clock):
    modem.registered(within="60s")
    fleet = cloud.supersim.fleets.get(cloud.supersim.sim(modem.iccid).fleet_sid)
    mobile = next(cloud.supersim.networks.find(mcc="310", mnc="260"))
    profile = cloud.supersim.network_access_profiles.create(unique_name="only", networks=[mobile])
    fleet.update(network_access_profile=profile.sid)
    clock.sleep("30s")
    assert modem.command("AT+COPS?").lines == ('+COPS: 0,0,"T-Mobile",7',)
    clock.sleep("2h")
    assert modem.command("AT+CSQ").lines == ("+CSQ: 99,99",)

def test_coverage(modem, network, clock):
    modem.registered(within="60s")
    network.lose_coverage(modem.iccid, duration="10s")
    clock.sleep("1s")
    assert modem.command("AT+CEREG?").lines[0].startswith("+CEREG: 2,2")
    modem.registered(within="60s")
"""


def test_cells_and_conditions(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=_RIG)
    pytester.makepyfile(_TESTS)
    result = pytester.runpytest_subprocess("--rig=rig.toml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=3)


_CELL = {"plmn": '"310410"', "operator": '"A"', "ci": "1"}


@pytest.mark.parametrize(("key", "value"), [("plmn", '"31"'), ("ci", "0"), ("colour", '"red"'), ("signal", '"loud"')])
def test_a_wrong_cell_is_a_usage_error(pytester: pytest.Pytester, key: str, value: str) -> None:
    table = "\n".join(f"{name} = {text}" for name, text in {**_CELL, key: value}.items())
    pytester.makefile(".toml", rig=f"[[network.cell]]\n{table}\n")
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest_subprocess("--rig=rig.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*network.cell?0?.{key}*"])
