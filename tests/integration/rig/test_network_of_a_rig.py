"""Cells of a rig file, and the fixture ``network``, by running pytest inside pytest."""

from __future__ import annotations

import re

import pytest

from harness.rig import RigOpener
from harness.rig.load import parse_rig

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


_EUROPE = """
name = "europe"
board = []

[network]
home = ["26203"]
apn = "iot.example"
sms_validity = "1h"
sms_duplication = 1.0
ip_loss = 1.0

[[network.cell]]
plmn = "26203"
operator = "O2 - de"
ci = 1
signal = -80

[[network.cell]]
plmn = "22210"
operator = "Vodafone Italia"
ci = 2
signal = -70
"""

_EUROPEAN_TESTS = """
import pytest
from harness.errors import HarnessError

def test_operators_on_the_air_are_ones_that_profiles_can_name(cloud, modem, clock):
    modem.registered(within="60s")
    assert modem.command("AT+COPS?").lines == ('+COPS: 0,0,"Vodafone Italia",8',)
    assert modem.command("AT+CEREG?").lines[0].startswith("+CEREG: 2,5")
    assert next(cloud.supersim.networks.find(mcc="222", mnc="10")).friendly_name == "Vodafone Italia"
    german = next(cloud.supersim.networks.find(mcc="262", mnc="03"))
    profile = cloud.supersim.network_access_profiles.create(unique_name="only", networks=[german])
    fleet = cloud.supersim.fleets.get(cloud.supersim.sim(modem.iccid).fleet_sid)
    fleet.update(network_access_profile=profile.sid)
    clock.sleep("30s")
    assert modem.command("AT+COPS?").lines == ('+COPS: 0,0,"O2 - de",8',)
    assert modem.command("AT+CEREG?").lines[0].startswith("+CEREG: 2,1"), "at home"

def test_the_network_is_as_the_file_says(cloud, modem, clock, journal):
    modem.registered(within="60s")
    sim = cloud.supersim.sim(modem.iccid)
    sim.send_sms("twice")
    modem.expect_sms("twice", within="60s")
    modem.expect_sms("twice", within="60s")
    modem.command('AT+QICSGP=1,1,"iot.example"')
    modem.command("AT+QIACT=1")
    sim.send_ip("nobody hears it", port=6969)
    clock.sleep("10s")
    assert [entry.data["reason"] for entry in journal.select("datagram_dropped")] == [
        "lost on the air"]
    modem.command("AT+CFUN=4")
    command = sim.send_sms("too late")
    clock.sleep("61min")
    assert command.refresh().status == "failed"
"""


def test_operators_profiles_and_conditions(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", rig=_EUROPE)
    pytester.makepyfile(_EUROPEAN_TESTS)
    result = pytester.runpytest_subprocess("--rig=rig.toml", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2)


_CELLS_OF_ALL_KINDS = "".join(
    f"""
[[network.cell]]
plmn = "26201"
operator = "Telekom"
technology = "{technology}"
ci = {ci}
signal = {signal}
""" for ci, (technology, signal) in enumerate((("utran", -50), ("nb-iot", -60), ("gsm", -70), ("lte", -80)), start=1))


@pytest.mark.parametrize(("profile", "found"), [
    ("BG95", {9, 0, 7}), ("BG96", {9, 0, 7}), ("EC25", {2, 0, 7}), ("EG21", {2, 0, 7}), ("EG91", {2, 7}),
    ("ME910", {9, 7}), ("SARA-R4", {9, 7}), ("SARA-R5", {9, 7}), ("SIM7080G", {9, 7}), ("SIM7600", {2, 0, 7}),
])
def test_modules_find_what_they_can_receive(profile: str, found: set[int]) -> None:
    text = f'board = []\n[[modem]]\nname = "m"\nprofile = "{profile}"\n{_CELLS_OF_ALL_KINDS}'
    opener = RigOpener(parse_rig(text, name="rig.toml"), devices="virtual")
    rig = opener.open()
    try:
        modem = rig.modem()
        modem.registered(within="2min")
        [told] = modem.command("AT+COPS?").lines
        assert int(told.split(",")[3]) == (9 if 9 in found else 2), "the strongest that it receives"
        [scan] = modem.command("AT+COPS=?", within="5min").lines
        assert {int(act) for act in re.findall(r'"26201",(\d)', scan)} == found
    finally:
        rig.close()
        opener.close()


_CELL = {"plmn": '"310410"', "operator": '"A"', "ci": "1"}


@pytest.mark.parametrize(("key", "value"), [("plmn", '"31"'), ("ci", "0"), ("colour", '"red"'), ("signal", '"loud"')])
def test_a_wrong_cell_is_a_usage_error(pytester: pytest.Pytester, key: str, value: str) -> None:
    table = "\n".join(f"{name} = {text}" for name, text in {**_CELL, key: value}.items())
    pytester.makefile(".toml", rig=f"[[network.cell]]\n{table}\n")
    pytester.makepyfile("def test_x(): pass")
    result = pytester.runpytest_subprocess("--rig=rig.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*network.cell?0?.{key}*"])
