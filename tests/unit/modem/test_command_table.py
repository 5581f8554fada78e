"""The command table of every profile: each form answers what it must."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.modem import SimCard, load_profile, profile_names, read_profile
from harness.virtual.modem.command import NO_PARAMETERS
from harness.virtual.modem.dialect import build_commands
from harness.virtual.modem.profile import parse_profile

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK, ERROR = b"\r\nOK\r\n", b"\r\nERROR\r\n"
PROFILES = profile_names()
FINAL = re.compile(rb"\r\n(?:OK|ERROR|NO CARRIER|SEND FAIL|NORMAL POWER DOWN|\+CM[ES] ERROR: [^\r]*)\r\n")

# no parameters at all, or none whose range 27.005 and 27.007 have the test form tell: a bare OK is right
BARE_OK = {"+CSIM", "+CCHO", "+CCHC", "+CGLA", "+CLCC", "+CHUP", "+COPN",
    "&F", "Z", "&W", "&V", "D", "A", "O", "H", "T", "P", "+GMI", "+CGMI", "+GMM", "+CGMM", "+GMR", "+CGMR", "+GSN",
    "+CIMI", "+GCAP", "+CLAC", "+CNUM", "+CCLK", "+CEER", "+CPIN", "+CPINR", "+CRSM", "+CSCA", "+CMGS", "+CMSS",
    "+CMGC", "+CMGW", "+CMGR", "+QCCID", "+CCID", "+ICCID", "+QNWINFO", "+QSPN", "+QIGETERROR", "+QGMR",
    "+QCMGS", "+QCMGR",
    "+CEDRXRDP",
    # SIMCom
    "+SPIC", "+CSPN", "+CREBOOT", "+CICCID", "+CPMUTEMP", "+CPOF", "+CRESET", "+NETOPEN", "+NETCLOSE", "+IPADDR",
    # u-blox
    "+UPINCNT", "+USOER", "+CPWROFF",
    # Telit
    "#CGMI", "#CGMM", "#CGMR", "#CGSN", "#CIMI", "#CCID", "#PCT", "#RFSTS", "#CCLK", "#SHDN", "#REBOOT",
}


@pytest.mark.parametrize("name", PROFILES)
def test_every_test_form_has_a_payload_or_is_an_error(name: str, make_bench: Callable[..., Bench],
                                                      make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile=name, sim=make_card())
    print(bench.modem.commands.render())
    for command in bench.modem.commands:
        said = bench.at(f"{command.name}=?", wait="200s" if command.name == "+COPS" else None)
        if command.name == "D":  # takes the rest of the line as digits to dial
            assert said == b"\r\nNO CARRIER\r\n"
        elif command.test is None:
            assert said == ERROR, command.name
        elif command.test == NO_PARAMETERS:
            assert said == OK, command.name
            assert command.name in BARE_OK, f"{command.name} has parameters, and a bare OK does not tell them"
        else:
            assert said.startswith(b"\r\n" + command.name.encode() + b": "), (command.name, said)
            assert said.endswith(b"\r\n" + OK), command.name


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("inserted", [True, False])
def test_every_form_of_every_command_ends_in_one_final_result(name: str, inserted: bool,
                                                              make_bench: Callable[..., Bench],
                                                              make_card: Callable[..., SimCard]) -> None:
    for form in ("", "?", "=", "=0", "=1", "=,", '="x"', '=1,"x",,,,,,,,,', "=99999999999", '="' + "9" * 400 + '"'):
        bench = make_bench(profile=name, sim=make_card() if inserted else None)
        for command in list(bench.modem.commands):
            if command.name in ("+CFUN", "+CPSMS", "+CMUX", "Q", "V", "E", "S3", "S4", "S5"):
                continue  # these change what a final result looks like, put to sleep, or end the command mode
            said = bench.at(command.name + form, wait="200s")
            if said in (b"\r\n> ", b"\r\n>", b"\r\n@"):
                said = bench.type(b"\x1b" * 1500)
            assert len(FINAL.findall(said)) == 1, (command.name, form, said)
            if command.name in POWER and bench.modem.radio.functionality:
                bench.modem.power_off()
                bench.boot()
                bench.heard()


POWER = {"+QPOWD", "+CPOWD", "+CREBOOT", "+CPOF", "+CRESET", "+CPWROFF", "#SHDN", "#REBOOT", "#ENHRST"}
"""After these the modem may be off or anew."""


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "MINE"\nmanufacturer = "M"\nmodel = "X"\nrevision = "1"\nfeatures = ["line"]\n'
                    '[static]\n"+FOO" = "+FOO: 1"\n')
    profile = read_profile(path)
    assert profile.identification == ("M", "X", "1")
    commands = build_commands(profile)
    assert commands.get("+FOO") is not None
    assert commands.get("+CMGS") is None


HEAD = 'name = "X"\nmanufacturer = "M"\nmodel = "X"\nrevision = "1"\nfeatures = ["line"]\n'


@pytest.mark.parametrize(("text", "rule"), [
    ("colour = 1", "unknown key 'colour'"),
    ("name = 'X'", "'manufacturer' must be there"),
    ("= 1", "not TOML"),
    (HEAD + "[[boot]]\nafter = '1 fortnight'", "not a duration"),
    (HEAD + "[[boot]]\naction = 'dance'", "action must be"),
    (HEAD + "[[boot]]\nmoment = 1", "unknown key 'moment'"),
    (HEAD + "[answers]\ncolour = 'red'", "answers: unknown key 'colour'"),
    (HEAD + "[answers]\nmax_line = 'long'", "max_line must be of type int"),
    (HEAD + "[answers]\ntechnologies = 'gsm,5g'", "answers.technologies: '5g' is none of gsm,utran,lte,lte-m,nb-iot"),
    (HEAD + "[stores]\nME = 'many'", "wrong type"),
    (HEAD + "[phone_book]\nMT = 10", "phone_book: unknown key 'MT': allowed are DC, EN"),
])
def test_a_wrong_profile_names_the_rule(text: str, rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        parse_profile(text, source="x.toml")


def test_profiles_name_features_and_commands_that_exist() -> None:
    with pytest.raises(UsageError, match="no feature 'magic'"):
        build_commands(parse_profile(HEAD.replace("line", "magic"), source="x.toml"))
    with pytest.raises(UsageError, match="none of its features has"):
        build_commands(parse_profile(HEAD + 'without = ["+CMGS"]', source="x.toml"))
    with pytest.raises(UsageError, match="no modem profile 'nokia': there are"):
        load_profile("nokia")
