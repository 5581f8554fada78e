"""Rig files: every wrong key is named, with the file and what is allowed."""

from pathlib import Path

import pytest

from harness.errors import RigFileError
from harness.rig.load import load_rig, parse_rig


def test_an_empty_file_is_a_virtual_rig_with_a_modem_and_a_board() -> None:
    rig = parse_rig("", name="empty.toml")
    assert rig == load_rig(None)
    assert rig.is_virtual
    assert [modem.name for modem in rig.modem] == ["modem-1"]
    assert [board.name for board in rig.board] == ["board-1"]

_CELL = '[[network.cell]]\nplmn="310410"\noperator="A"\nci=1\n{}\n'


@pytest.mark.parametrize(("text", "complaint"), [
    ("modems = 1", "rig.toml: modems: no such key (did you mean 'modem'?); allowed here: board, cloud, faults, host, "
                   "internet, modem, name, network, webhooks, world"),
    ('[[modem]]\nname="a"\nprot="x"', "rig.toml: modem[0].prot: no such key (did you mean 'port'?)"),
    ('[cloud]\nkind="aws"', "rig.toml: cloud.kind: input should be 'virtual', 'twilio' or 'kore', not 'aws'"),
    ('[[modem]]\nname="a"\nkind="serial"', "rig.toml: modem[0]: a modem of kind 'serial' needs 'port'"),
    ('[[board]]\nname="a"\nkind="probe"', "rig.toml: board[0]: a board of kind 'probe' needs 'probe'"),
    ('[[board]]\nname="a"\n[[board.i2c]]\nbus="I2C1"\ndevice="bme280"',
     "rig.toml: board[0].i2c[0].device: input should be 'mcp9808', 'lis3dh', 'ht16k33' or 'registers'"),
    ('[[board]]\nname="a"\n[[board.i2c]]\nbus="I2C1"\ndevice="mcp9808"\nadress=3',
     "rig.toml: board[0].i2c[0].adress: no such key (did you mean 'address'?)"),
    ('[[board]]\nname="a"\npins={PA99=1}', "rig.toml: board[0].pins.PA99"),
    ('[[board]]\nname="a"\nconsoles={USART1="/x", USART2="/x"}', "every console needs a path of its own"),
    ('[network]\nsms_latency="3 weeks"', "rig.toml: network.sms_latency: not a duration: '3 weeks'"),
    ('[[modem]]\nname="a"\niccid="123"',
     "rig.toml: modem[0].iccid: an ICCID is 89 and 16 to 18 more digits, not '123'"),
    ('[[modem]]\nname="a"\nprofile="bg97"',
     "rig.toml: modem[0]: there is no modem profile 'bg97' (did you mean 'BG96'?): there are BG95, "),
    ('[[modem]]\nname="a"\nports=["tcp:127.0.0.1:99999"]', "rig.toml: modem[0].ports[0]: a port is the path of a link"),
    ('[[modem]]\nname="a"\nport="tcp:127.0.0.1:7000"',
     "rig.toml: modem[0]: 'port' of a virtual modem is the path of a link, not 'tcp:127.0.0.1:7000': TCP and unix "),
    ('[[modem]]\nname="a"\nports=["tcp:10.0.0.1:99"]', "on loopback only, not 'tcp:10.0.0.1:99'"),
    ('[network]\nregistration="2x"', "'10s')\n"),
    ('[network]\nnat_timeout="0s"', "rig.toml: network.nat_timeout: input should be greater than 0"),
    ('[network]\nip_loss=2', "rig.toml: network.ip_loss: input should be less than or equal to 1, not 2"),
    ('[network]\nhome=["12"]', "rig.toml: network.home[0]: a PLMN is MCC and MNC in 5 or 6 digits, not '12'"),
    (_CELL.format("signal = []"), "rig.toml: network.cell[0].signal: a signal curve has at least one point"),
    (_CELL.format('signal = [["5s", -70], ["1s", -80]]'), "rig.toml: network.cell[0].signal: a signal curve has"),
    (_CELL.format("signal = 20"), "rig.toml: network.cell[0].signal: a signal is between -150 and 0 dBm, not 20"),
    (_CELL.format("") + _CELL.format(""), "rig.toml: network.cell: cell 2 has the identity of one before it"),
    (_CELL.format("operator_short = 'a\"b'"), "network.cell[0].operator_short: an operator's name has no quotation"),
    ('[[board]]\nname="modem-1"', "every modem and board needs a name of its own"),
    ("a = ", "rig.toml: not TOML"),
])
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(RigFileError) as caught:
        parse_rig(text, name="rig.toml")
    assert complaint in f"{caught.value}\n"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(RigFileError) as caught:
        parse_rig('name="a b"\n[world]\nsead=1', name="rig.toml")
    assert len(str(caught.value).splitlines()) == 2


def test_a_missing_or_huge_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RigFileError, match="can't be read"):
        load_rig(tmp_path / "none.toml")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (2 << 20))
    with pytest.raises(RigFileError, match="no rig file"):
        load_rig(huge)
    (tmp_path / "bin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RigFileError, match="can't be read"):
        load_rig(tmp_path / "bin.toml")


@pytest.mark.parametrize("profile", sorted((Path(__file__).parents[3] / "device_profiles").glob("*.toml")), ids=str)
def test_profiles_that_ship_are_right(profile: Path) -> None:
    assert load_rig(profile).name == profile.stem
