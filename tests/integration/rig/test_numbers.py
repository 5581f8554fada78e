"""Modems that have telephone numbers text each other."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.errors import CommandFailed
from harness.rig import RigOpener
from harness.rig.model import ModemTable, RigFile

_FILE = RigFile(board=(), modem=(ModemTable(name="one", number="+15550001"), ModemTable(
    name="two", profile="sim7600", number="+15550002"), ModemTable(name="without")))


def test_two_modems_text_each_other_and_a_third_can_not() -> None:
    opener = RigOpener(_FILE)
    rig = opener.open()
    try:
        one, two, without = (rig.modem(name) for name in ("one", "two", "without"))
        for modem in (one, two, without):
            modem.registered(within="1min")
        assert '"+15550001",145' in one.command("AT+CNUM").lines[0]
        assert without.command("AT+CNUM").lines == ()
        sent = one.send_sms("+15550002", "hello " * 40, status_report=True)
        assert two.expect_sms(within="1min").sender == "+15550001"
        assert one.expect_status_report(sent.references[-1], within="1min").status == 0
        two.send_sms("+15550001", "and back")
        assert one.expect_sms("and back", within="1min").sender == "+15550002"
        for sender, receiver in ((without, "+15550001"), (one, "+15550003")):
            with pytest.raises(CommandFailed, match="CMS ERROR: 8"):
                sender.send_sms(receiver, "barred")
        assert not list(rig.cloud.supersim.sim(one.iccid).sms_commands())
    finally:
        rig.close()
        opener.close()


@pytest.mark.parametrize(("modems", "why"), [
    ([{"name": "a", "number": "+15550001"}, {"name": "b", "number": "+15550001"}], "must be its own"),
    ([{"name": "a", "number": "15550001"}], "a telephone number is '\\+' and 5 to 15 digits"),
])
def test_numbers_that_can_not_be(modems: list[dict[str, str]], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        RigFile.model_validate({"modem": modems})
