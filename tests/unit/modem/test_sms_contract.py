"""Messages, the finer points: refusals by PDU, commands and dates in text mode, drafts, the link that is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.sms import Command, DeliverReport, EnhancedForm, EnhancedValidity, Submit
from harness.formats.sms.validity import encode_validity
from harness.virtual.modem.message_text import parse_timestamp, render_timestamp
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsRejected
from tests.unit.modem.test_sms import deliver, message, report

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
PROMPT = b"\r\n> "


def sent(bench: Bench, command: str, typed: bytes = b"x") -> bytes:
    """Type a message at the prompt of a command; return the answer."""
    assert bench.at(command) == PROMPT
    return bench.type(typed + b"\x1a") + bench.wait("3s")


# -- +CNMA ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("report_of", "answer", "outcome"), [
    (DeliverReport(), 1, SmsAccepted()), (DeliverReport(pid=0), 0, SmsAccepted()),
    (DeliverReport(failure_cause=0xD3), 2, SmsRejected(cause=22)),
    (DeliverReport(failure_cause=0xD0), 2, SmsRejected(cause=22)),
    (DeliverReport(failure_cause=0xFF, text="no"), 2, SmsRejected(cause=111)),
])
@pytest.mark.parametrize("prefix", [b"", b"00"])
def test_a_client_takes_or_refuses_with_a_report(bench: Bench, report_of: DeliverReport, answer: int,
                                                 outcome: SmsOutcome, prefix: bytes) -> None:
    bench.at("+CSMS=1;+CNMI=2,2,0,1,0")
    _, outcomes = deliver(bench, message())
    tpdu = report_of.encode()
    assert sent(bench, f"+CNMA={answer},{len(tpdu)}", prefix + tpdu.hex().encode()) == OK
    assert outcomes == [outcome]


@pytest.mark.parametrize("typed", [b"", b"00", b"0100", b"00D3", b"zz", b"00000000"])
def test_a_report_that_is_none_leaves_the_message_unanswered(bench: Bench, typed: bytes) -> None:
    bench.at("+CSMS=1;+CNMI=2,2")
    _, outcomes = deliver(bench, message())
    assert sent(bench, "+CNMA=1,2", typed) == b"\r\n+CMS ERROR: 304\r\n"
    assert outcomes == []
    assert bench.at("+CNMA=0", wait="1s") == OK
    assert outcomes == [SmsAccepted()]


def test_escape_at_the_prompt_leaves_it_unanswered_too(bench: Bench) -> None:
    bench.at("+CSMS=1;+CNMI=2,2")
    _, outcomes = deliver(bench, message())
    assert bench.at("+CNMA=2,3") == PROMPT
    assert bench.type(b"\x1b") == OK
    assert outcomes == []


def test_reports_are_acknowledged_like_messages(bench: Bench) -> None:
    bench.at("+CSMS=1;+CNMI=2,1,0,1,0")
    heard, outcomes = deliver(bench, report())
    assert heard.startswith(b"\r\n+CDS: ")
    assert outcomes == []
    assert bench.at("+CNMA", wait="1s") == OK
    assert outcomes == [SmsAccepted()]


def test_in_text_mode_a_number_may_stand_but_no_pdu(bench: Bench) -> None:
    bench.at("+CSMS=1;+CNMI=2,2;+CMGF=1")
    _, outcomes = deliver(bench, message())
    assert bench.at("+CNMA=1,2") == b"\r\n+CMS ERROR: 303\r\n"
    assert bench.at("+CNMA=1", wait="1s") == OK
    assert outcomes == [SmsAccepted()]


# -- +CMGC ------------------------------------------------------------------------------------------------------------


def test_a_command_in_text_mode(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert sent(bench, '+CMGC=34,2,0,7,"+15551234",145', b"") == b"\r\n+CMGC: 0\r\n" + OK
    command = Command.decode(bench.carrier.submitted[0])
    assert (command.command_type, command.message_number, str(command.destination)) == (2, 7, "+15551234")
    assert command.status_report_request
    assert sent(bench, '+CMGC=2,128,0,7,"000"', b"01FE") == b"\r\n+CMGC: 1\r\n" + OK
    assert Command.decode(bench.carrier.submitted[1]).data == b"\x01\xfe"
    assert sent(bench, '+CMGC=2,128,0,7,"000"', b"no hex") == b"\r\n+CMS ERROR: 305\r\n"
    assert bench.at("+CMGC=2,256") == b"\r\n+CMS ERROR: 303\r\n"


# -- +CSMP ------------------------------------------------------------------------------------------------------------


def test_a_validity_that_is_a_date(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CSMP=25,"26/03/04,05:06:07+08",0,0') == OK
    assert bench.at("+CSMP?") == b'\r\n+CSMP: 25,"26/03/04,05:06:07+08",0,0\r\n' + OK
    assert sent(bench, '+CMGS="000"') == b"\r\n+CMGS: 0\r\n" + OK
    zone = timezone(timedelta(hours=2))
    assert Submit.decode(bench.carrier.submitted[0]).validity == datetime(2026, 3, 4, 5, 6, 7, tzinfo=zone)
    assert sent(bench, '+CMGW="000"') == b"\r\n+CMGW: 0\r\n" + OK
    bench.at("+CSDH=1")
    assert b',25,0,0,"26/03/04,05:06:07+08",' in bench.at("+CMGR=0")


def test_a_validity_that_is_enhanced(bench: Bench) -> None:
    bench.at("+CMGF=1")
    wanted = EnhancedValidity(form=EnhancedForm.SECONDS, period=timedelta(seconds=40))
    assert bench.at(f'+CSMP=9,"{encode_validity(wanted)[1].hex()}"') == OK
    assert sent(bench, '+CMGS="000"') == b"\r\n+CMGS: 0\r\n" + OK
    assert Submit.decode(bench.carrier.submitted[0]).validity == wanted


@pytest.mark.parametrize("parameters", ['25,167', '17,"26/03/04,05:06:07+08"', '9,167', '9,"26/03/04,05:06:07+08"'])
def test_a_validity_in_another_form_than_the_first_octet_says(bench: Bench, parameters: str) -> None:
    bench.at("+CMGF=1")
    assert bench.at(f"+CSMP={parameters}") == OK
    assert sent(bench, '+CMGS="000"') == b"\r\n+CMS ERROR: 305\r\n"


def test_no_validity_is_none(bench: Bench) -> None:
    bench.at("+CMGF=1;+CSMP=1")
    sent(bench, '+CMGS="000"')
    assert Submit.decode(bench.carrier.submitted[0]).validity is None
    for wrong in ('17,"26/13/04,05:06:07+08"', '17,"soon"', "256", "17,256", '"17"', "1,2,3,4,5"):
        assert bench.at(f"+CSMP={wrong}") == b"\r\n+CMS ERROR: 303\r\n"


@given(st.datetimes(datetime(1970, 1, 3), datetime(2069, 12, 29)), st.integers(-79, 79))
def test_dates_are_read_as_they_are_written(moment: datetime, quarters: int) -> None:
    moment = moment.replace(microsecond=0, fold=0, tzinfo=timezone(timedelta(minutes=15 * quarters)))
    assert parse_timestamp(render_timestamp(moment)) == moment
    assert parse_timestamp(render_timestamp(moment.astimezone(UTC))) == moment


# -- drafts, and words in another character set -----------------------------------------------------------------------


def test_a_draft_needs_no_address_until_it_is_sent(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert sent(bench, "+CMGW", b"later") == b"\r\n+CMGW: 0\r\n" + OK
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "STO UNSENT","",\r\nlater\r\n' + OK
    assert bench.at("+CMSS=0") == b"\r\n+CMS ERROR: 305\r\n"
    assert bench.at('+CMSS=0,"000"', wait="2s") == b"\r\n+CMSS: 0\r\n" + OK
    assert str(Submit.decode(bench.carrier.submitted[0]).destination) == "000"


def test_words_may_be_in_the_character_set_in_force(bench: Bench) -> None:
    bench.at("+CMGF=1")
    deliver(bench, message())
    bench.at('+CSCS="UCS2"')
    every = "ALL".encode("utf-16-be").hex()
    assert bench.at(f'+CMGL="{every}"').startswith(b'\r\n+CMGL: 0,"REC UNREAD","003000300030",,')
    assert bench.at('+CMGL="ALL"').startswith(b'\r\n+CMGL: 0,"REC READ",')
    assert bench.at('+CMGL="0041"') == bench.at('+CMGL="XX"') == b"\r\n+CMS ERROR: 303\r\n"


# -- +CMMS ------------------------------------------------------------------------------------------------------------


def test_the_link_is_kept_until_no_further_message_comes(bench: Bench) -> None:
    bench.at("+CMGF=1;+CMMS=1")
    for _ in range(3):
        assert b"+CMGS" in sent(bench, '+CMGS="000"')
        assert bench.at("+CMMS?") == b"\r\n+CMMS: 1\r\n" + OK
    bench.wait("6s")
    assert bench.at("+CMMS?") == b"\r\n+CMMS: 0\r\n" + OK
    bench.at("+CMMS=2")
    sent(bench, '+CMGS="000"')
    bench.wait("1h")
    assert bench.at("+CMMS?") == b"\r\n+CMMS: 2\r\n" + OK
