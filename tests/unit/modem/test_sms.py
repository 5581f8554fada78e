"""Messages: stores, text and PDU mode, sending, routing and acknowledgement, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from harness.formats.sms import (
    Address,
    Alphabet,
    Concatenation,
    DataCoding,
    Deliver,
    Indication,
    MessageClass,
    StatusReport,
    Submit,
)
from harness.virtual.modem import SimCard
from harness.virtual.network.seams import SmsAccepted, SmsOutcome, SmsRejected

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
PROMPT = b"\r\n> "
AT_NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def message(text: str = "LED ON", **changes: object) -> bytes:
    fields = {"originator": Address.parse("000"), "timestamp": AT_NOON, "text": text, **changes}
    return Deliver(**fields).encode()  # type: ignore[arg-type]


def classed(message_class: MessageClass) -> bytes:
    return message(coding=DataCoding.general(message_class=message_class))


def report() -> bytes:
    return StatusReport(message_reference=5, recipient=Address.parse("+15551234"), timestamp=AT_NOON,
                        discharge_time=AT_NOON, status=0).encode()


def deliver(bench: Bench, tpdu: bytes, wait: str = "1s") -> tuple[bytes, list[SmsOutcome]]:
    """Hand a TPDU to the modem; return what it said and the outcomes so far."""
    outcomes: list[SmsOutcome] = []
    bench.modem.sms_deliver(tpdu, outcomes.append)
    assert outcomes == []
    return bench.wait(wait), outcomes


TAKEN = [SmsAccepted()]
FULL = [SmsRejected(cause=22)]


# -- receiving --------------------------------------------------------------------------------------------------------


def test_a_message_is_stored_told_and_read(bench: Bench) -> None:
    assert deliver(bench, message()) == (b'\r\n+CMTI: "ME",0\r\n', TAKEN)
    assert bench.at("+CPMS?") == b'\r\n+CPMS: "ME",1,23,"ME",1,23,"ME",1,23\r\n' + OK
    pdu = b"0791" + b"2160130300F4" + message().hex().upper().encode()
    assert bench.at("+CMGR=0,1") == b"\r\n+CMGR: 0,,%d\r\n" % len(message()) + pdu + b"\r\n" + OK
    bench.at("+CMGF=1")
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "REC UNREAD","000",,"26/01/02,12:00:00+00"\r\nLED ON\r\n' + OK
    bench.at("+CSDH=1")
    assert bench.at("+CMGR=0") == (
        b'\r\n+CMGR: "REC READ","000",,"26/01/02,12:00:00+00",129,4,0,0,"+12063130004",145,6\r\nLED ON\r\n' + OK)
    assert bench.at("+CMGL") == OK
    assert bench.at('+CMGL="ALL"') == (
        b'\r\n+CMGL: 0,"REC READ","000",,"26/01/02,12:00:00+00",129,6\r\nLED ON\r\n' + OK)
    assert bench.at("+CMGD=?") == b"\r\n+CMGD: (0),(0-4)\r\n" + OK
    assert bench.at("+CMGD=0;+CMGD=0") == OK
    assert bench.at("+CMGR=0") == OK
    assert bench.at("+CMGR=23") == bench.at("+CMGD=23") == b"\r\n+CMS ERROR: 321\r\n"


def test_listing_marks_as_read_unless_told_not_to(bench: Bench) -> None:
    for text in ("one", "two"):
        deliver(bench, message(text))
    bench.at("+CMGF=1")
    unread = (b'\r\n+CMGL: 0,"REC UNREAD","000",,"26/01/02,12:00:00+00"\r\none'
              b'\r\n+CMGL: 1,"REC UNREAD","000",,"26/01/02,12:00:00+00"\r\ntwo\r\n' + OK)
    assert bench.at('+CMGL="REC UNREAD",1') == unread
    assert bench.at('+CMGL="REC UNREAD"') == unread
    assert bench.at('+CMGL="REC UNREAD"') == OK
    bench.at("+CMGF=0")
    assert bench.at("+CMGL=4").startswith(b"\r\n+CMGL: 0,1,,%d\r\n0791" % len(message("one")))
    assert bench.at("+CMGL=5") == b"\r\n+CMS ERROR: 303\r\n"


def test_direct_delivery(bench: Bench) -> None:
    bench.at("+CNMI=2,2;+CMGF=1")
    assert deliver(bench, message()) == (b'\r\n+CMT: "000",,"26/01/02,12:00:00+00"\r\nLED ON\r\n', TAKEN)
    bench.at("+CMGF=0")
    pdu = b"07912160130300F4" + message().hex().upper().encode()
    assert deliver(bench, message()) == (b"\r\n+CMT: ,%d\r\n" % len(message()) + pdu + b"\r\n", TAKEN)
    assert bench.at("+CPMS?").startswith(b'\r\n+CPMS: "ME",0,')


@pytest.mark.parametrize(("routing", "kind", "said"), [
    (0, None, b""), (1, None, b"+CMTI"), (2, None, b"+CMT:"), (3, None, b"+CMTI"),
    (1, MessageClass.SIM, b'+CMTI: "SM",0'), (2, MessageClass.SIM, b'+CMTI: "SM",0'), (3, MessageClass.TE, b"+CMT:"),
    (1, MessageClass.IMMEDIATE, b"+CMT:"), (0, MessageClass.IMMEDIATE, b""),
])
def test_routing_by_class(bench: Bench, routing: int, kind: MessageClass | None, said: bytes) -> None:
    assert bench.at(f"+CNMI=2,{routing}") == OK
    heard, outcomes = deliver(bench, message() if kind is None else classed(kind))
    assert outcomes == TAKEN
    assert said in heard
    assert bool(heard) == bool(said)


def test_text_shows_what_it_can_not_write_in_hexadecimal(bench: Bench) -> None:
    bench.at("+CNMI=2,2;+CMGF=1")
    head = b'\r\n+CMT: "000",,"26/01/02,12:00:00+00"\r\n'
    ucs2 = message("Ω→", coding=DataCoding.general(Alphabet.UCS2))
    octets = message(text=None, data=b"\x01\xfe", coding=DataCoding.general(Alphabet.OCTETS))  # type: ignore[arg-type]
    assert deliver(bench, ucs2)[0] == head + b"03A92192\r\n"
    assert deliver(bench, octets)[0] == head + b"01FE\r\n"
    assert deliver(bench, message("@$_"))[0] == head + b"\x00\x02\x11\r\n"
    bench.at('+CSCS="IRA"')
    assert deliver(bench, message("@$_ä"))[0] == head + b"@$_?\r\n"
    bench.at('+CSCS="UCS2"')
    assert deliver(bench, message("@ä"))[0] == head.replace(b"000", b"003000300030", 1) + b"004000E4\r\n"


def test_parts_of_a_long_message_are_shown_as_they_come(bench: Bench) -> None:
    bench.at("+CNMI=2,2;+CMGF=1;+CSDH=1")
    part = message("second", user_data_header=(Concatenation(reference=9, total=2, sequence=2),))
    assert deliver(bench, part)[0] == (b'\r\n+CMT: "000",,"26/01/02,12:00:00+00",129,68,0,0,"+12063130004",145,6\r\n'
                                       b"second\r\n")


def test_storage_full_is_refused_and_the_network_learns_of_room(bench: Bench) -> None:
    for _ in range(23):
        assert deliver(bench, message())[1] == TAKEN
    assert deliver(bench, message()) == (b'\r\n+QIND: "smsfull","ME"\r\n', FULL)
    assert deliver(bench, message()) == (b"", FULL)
    assert "memory_available" not in bench.carrier.calls
    assert bench.at("+CMGD=7") == OK
    assert bench.carrier.calls.count("memory_available") == 1
    assert deliver(bench, message()) == (b'\r\n+CMTI: "ME",7\r\n', TAKEN)
    assert bench.at("+CMGD=1,4") == OK
    assert bench.carrier.calls.count("memory_available") == 1
    assert bench.at("+CPMS?").startswith(b'\r\n+CPMS: "ME",0,')


def test_separate_stores(bench: Bench) -> None:
    assert bench.at('+CPMS="SM","ME","SM"') == b"\r\n+CPMS: 0,25,0,23,0,25\r\n" + OK
    assert deliver(bench, message())[0] == b'\r\n+CMTI: "SM",0\r\n'
    card = bench.modem.slot.card
    assert card is not None
    assert card.messages.used == 1
    assert bench.at('+CPMS="XX"') == b"\r\n+CMS ERROR: 302\r\n"
    assert bench.at('+CPMS="SM","SR"') == b"\r\n+CMS ERROR: 302\r\n"
    assert bench.at("+CPMS=?") == (b'\r\n+CPMS: ("SM","ME","MT","SR","BM"),("SM","ME","MT"),("SM","ME","MT")\r\n'
                                   + OK)


def test_both_memories_as_one(bench: Bench) -> None:
    card = bench.modem.slot.card
    assert card is not None
    assert bench.at('+CPMS="MT","SM","SM"') == b"\r\n+CPMS: 0,48,0,25,0,25\r\n" + OK
    assert deliver(bench, message("one"))[0] == b'\r\n+CMTI: "SM",0\r\n'
    assert bench.at('+CPMS="MT","ME","ME"').startswith(b"\r\n+CPMS: 1,48,0,23,0,23")
    assert deliver(bench, message("two"))[0] == b'\r\n+CMTI: "ME",0\r\n'
    bench.at("+CMGF=1")
    listed = bench.at('+CMGL="ALL"')  # the module's own slots first, the card's behind them
    assert listed.index(b"+CMGL: 0,") < listed.index(b"two") < listed.index(b"+CMGL: 23,") < listed.index(b"one")
    assert b"one" in bench.at("+CMGR=23")
    assert bench.at("+CMGR=48") == b"\r\n+CMS ERROR: 321\r\n"
    assert bench.at("+CMGD=23") == OK
    assert card.messages.used == 0
    assert bench.at("+CPMS?") == b'\r\n+CPMS: "MT",1,48,"ME",1,23,"ME",1,23\r\n' + OK
    assert bench.at("+CMGD=0,4") == OK
    assert bench.at("+CPMS?") == b'\r\n+CPMS: "MT",0,48,"ME",0,23,"ME",0,23\r\n' + OK


def test_what_finds_no_room_in_one_memory_goes_to_the_other(bench: Bench) -> None:
    bench.at('+CPMS="MT","MT","MT"')
    told = [deliver(bench, message())[0] for _ in range(48)]
    assert told == [b'\r\n+CMTI: "MT",%d\r\n' % index for index in range(48)]
    assert deliver(bench, message()) == (b'\r\n+QIND: "smsfull","MT"\r\n', FULL)
    assert bench.at('+CPMS="SM","SM","SM"').startswith(b"\r\n+CPMS: 25,25,")
    assert bench.at("+CMGD=24") == OK  # a slot of the card is room in both
    assert bench.carrier.calls.count("memory_available") == 1
    bench.at('+CPMS="MT","MT","MT"')
    assert deliver(bench, message()) == (b'\r\n+CMTI: "MT",47\r\n', TAKEN)


def test_buffered_indications_are_flushed_or_cleared(bench: Bench) -> None:
    bench.at("+CNMI=0,1,0,0,0")
    assert deliver(bench, message())[0] == b""
    assert bench.at("+CNMI=2,1,0,0,0") == OK + b'\r\n+CMTI: "ME",0\r\n'
    bench.at("+CNMI=0,1,0,0,0")
    deliver(bench, message())
    assert bench.at("+CNMI=2,1,0,0,1") == OK


def test_cnmi_refuses_what_is_not_on_its_list(bench: Bench) -> None:
    assert bench.at("+CNMI=?") == b"\r\n+CNMI: (0-2),(0-3),(0,2),(0-2),(0,1)\r\n" + OK
    assert bench.at("+CNMI=3,1") == bench.at("+CNMI=2,4") == b"\r\n+CMS ERROR: 303\r\n"
    assert bench.at("+CNMI=2,1,2,1,0;+CNMI?") == b"\r\n+CNMI: 2,1,2,1,0\r\n" + OK


# -- acknowledgement --------------------------------------------------------------------------------------------------


def test_phase_2_plus_waits_for_the_acknowledgement(bench: Bench) -> None:
    assert bench.at("+CSMS=1") == b"\r\n+CSMS: 1,1,1\r\n" + OK
    bench.at("+CNMI=2,2;+CMGF=1")
    heard, outcomes = deliver(bench, message("one"))
    assert heard.endswith(b"\r\none\r\n")
    second: list[SmsOutcome] = []
    bench.modem.sms_deliver(message("two"), second.append)
    assert bench.wait("1s") == b""
    assert outcomes == second == []
    assert bench.at("+CNMA", wait="1s").endswith(b"\r\ntwo\r\n")
    assert outcomes == TAKEN
    assert bench.at("+CNMA", wait="1s") == OK
    assert second == TAKEN
    assert bench.at("+CNMA") == b"\r\n+CMS ERROR: 340\r\n"


def test_without_acknowledgement_direct_routing_ends_and_the_network_tries_again(bench: Bench) -> None:
    bench.at("+CSMS=1;+CNMI=2,2,0,1,0")
    heard, outcomes = deliver(bench, message(), wait="20s")
    assert b"+CMT: ," in heard
    assert outcomes == [SmsRejected(cause=41)]
    assert bench.at("+CNMI?") == b"\r\n+CNMI: 2,0,0,0,0\r\n" + OK


def test_acknowledgement_with_a_report_pdu_in_one_write(bench: Bench) -> None:
    bench.at("+CSMS=1;+CNMI=2,2")
    _, outcomes = deliver(bench, message())
    assert bench.type(b"AT+CNMA=1,2\r0000\x1a") == PROMPT + OK
    bench.wait("1s")
    assert outcomes == TAKEN
    _, outcomes = deliver(bench, message())
    assert bench.at("+CNMA=2", wait="1s") == OK
    assert outcomes == [SmsRejected(cause=111)]
    assert bench.at("+CNMA=1,2") == b"\r\n+CMS ERROR: 340\r\n"


# -- status reports ---------------------------------------------------------------------------------------------------


def test_status_reports(bench: Bench) -> None:
    assert deliver(bench, report()) == (b"", TAKEN)
    line = b'6,5,"+15551234",145,"26/01/02,12:00:00+00","26/01/02,12:00:00+00",0\r\n'
    bench.at("+CNMI=2,1,0,1,0;+CMGF=1")
    assert deliver(bench, report()) == (b"\r\n+CDS: " + line, TAKEN)
    bench.at("+CNMI=2,1,0,2,0")
    assert deliver(bench, report()) == (b'\r\n+CDSI: "SR",0\r\n', TAKEN)
    assert bench.at("+CMGR=0") == OK
    bench.at('+CPMS="SR"')
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "REC UNREAD",' + line + OK
    assert bench.at('+CMGL="ALL"') == b'\r\n+CMGL: 0,"REC READ",' + line + OK
    bench.at("+CMGF=0;+CNMI=2,1,0,1,0")
    pdu = b"07912160130300F4" + report().hex().upper().encode()
    assert deliver(bench, report())[0] == b"\r\n+CDS: %d\r\n" % len(report()) + pdu + b"\r\n"


# -- sending ----------------------------------------------------------------------------------------------------------


def test_text_mode_prompt_edit_and_result(bench: Bench) -> None:
    bench.at("E1")
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == b'AT+CMGS="000"\r' + PROMPT
    assert bench.type(b"LEX\x08D") == b"LEX\x08D"
    assert bench.type(b" IS\r") == b" IS\r" + PROMPT
    assert bench.type(b"ON\x1a") == b"ON\x1a"
    assert bench.wait("2s") == b"\r\n+CMGS: 0\r\n" + OK
    sent = Submit.decode(bench.carrier.submitted[0])
    assert (sent.text, str(sent.destination)) == ("LED IS\rON", "000")
    assert bench.carrier.submitted[0][0] == 17


def test_references_count_up_and_wrap(bench: Bench) -> None:
    bench.at("+CMGF=1")
    for number in range(257):
        bench.at('+CMGS="000"')
        assert bench.type(b"x\x1a") + bench.wait("2s") == b"\r\n+CMGS: %d\r\n" % (number % 256) + OK
        assert bench.carrier.submitted[-1][1] == number % 256


def test_escape_sends_nothing(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == PROMPT
    assert bench.type(b"LED\x1b") == OK
    assert bench.carrier.submitted == []


@pytest.mark.parametrize("typed", [b"\nLED ON\x1a", b"LED ON\x1a"])
def test_the_line_feed_of_the_command_line_is_not_text(bench: Bench, typed: bytes) -> None:
    bench.at("+CMGF=1")
    bench.at('+CMGS="000"')
    bench.type(typed)
    bench.wait("2s")
    assert Submit.decode(bench.carrier.submitted[0]).text == "LED ON"


def test_pdu_mode(bench: Bench) -> None:
    tpdu = Submit.for_text("hello", destination="+15551234").encode()
    for sca in (b"00", b"07912160130300F4"):
        assert bench.at(f"+CMGS={len(tpdu)}") == PROMPT
        assert bench.type(sca + tpdu.hex().encode() + b"\r\n") == b""
        assert bench.type(b"\x1a") == b""
        assert bench.wait("2s").endswith(OK)
    assert [Submit.decode(sent).text for sent in bench.carrier.submitted] == ["hello", "hello"]
    assert bench.at(f"+CMGS={len(tpdu) + 1}") == PROMPT
    assert bench.type(b"00" + tpdu.hex().encode() + b"\x1a") == b"\r\n+CMS ERROR: 304\r\n"
    assert bench.at("+CMGS=5") == PROMPT
    assert bench.type(b"00FF00FF00FF\x1a") == b"\r\n+CMS ERROR: 304\r\n"
    assert bench.at("+CMGS=1") == PROMPT
    assert bench.type(b"no hexadecimal\x1a") == b"\r\n+CMS ERROR: 304\r\n"
    assert bench.at('+CMGS="000"') == b"\r\n+CMS ERROR: 303\r\n"
    assert len(bench.carrier.submitted) == 2


def test_a_refusal_of_the_network_is_the_error_number(bench: Bench) -> None:
    bench.carrier.outcome = SmsRejected(cause=38)
    bench.at("+CMGF=1")
    bench.at('+CMGS="000"')
    assert bench.type(b"x\x1a") + bench.wait("2s") == b"\r\n+CMS ERROR: 38\r\n"
    bench.at("+CMEE=2;+CMGS=\"000\"")
    assert bench.type(b"x\x1a") + bench.wait("2s") == b"\r\n+CMS ERROR: Network out of order\r\n"


def test_texts_that_do_not_fit(bench: Bench) -> None:
    bench.at("+CMGF=1")
    for typed in (b"x" * 161, b"x" * 3000, b"\xff"):
        assert bench.at('+CMGS="000"') == PROMPT
        assert bench.type(typed + b"\x1a") == b"\r\n+CMS ERROR: 305\r\n"
    for address in ("", "+", "not a number", "0" * 21):
        assert bench.at(f'+CMGS="{address}"') == b"\r\n+CMS ERROR: 305\r\n"
    assert bench.at("+CMGS") == b"\r\nERROR\r\n"


def test_ucs2_and_octets_are_typed_in_hexadecimal(bench: Bench) -> None:
    bench.at("+CMGF=1;+CSMP=17,167,0,8")
    bench.at('+CMGS="000"')
    bench.type(b"03A92192\x1a")
    bench.wait("2s")
    bench.at("+CSMP=49,255,0,4")
    bench.at('+CMGS="15551234",145')
    bench.type(b"01FE\x1a")
    bench.wait("2s")
    bench.at('+CSMP=17,167,0,0;+CSCS="UCS2"')
    bench.at('+CMGS="003000300030"')
    bench.type(b"00E4\x1a")
    bench.wait("2s")
    first, second, third = (Submit.decode(tpdu) for tpdu in bench.carrier.submitted)
    assert first.text == "Ω→"
    assert (second.data, str(second.destination), second.status_report_request) == (b"\x01\xfe", "+15551234", True)
    assert (third.text, third.coding.octet) == ("ä", 0)


def test_writing_and_sending_from_store(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CMGW="000"') == PROMPT
    assert bench.type(b"kept\x1a") == b"\r\n+CMGW: 0\r\n" + OK
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "STO UNSENT","000",\r\nkept\r\n' + OK
    assert bench.at("+CMSS=0", wait="2s") == b"\r\n+CMSS: 0\r\n" + OK
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "STO SENT","000",\r\nkept\r\n' + OK
    assert bench.at('+CMSS=0,"+15551234"', wait="2s") == b"\r\n+CMSS: 1\r\n" + OK
    assert [str(Submit.decode(sent).destination) for sent in bench.carrier.submitted] == ["000", "+15551234"]
    assert bench.at("+CMSS=1") == b"\r\n+CMS ERROR: 321\r\n"
    assert bench.at("+CMGD=1,1") == OK
    assert bench.at("+CMGD=1,2") == OK
    assert bench.at('+CMGL="ALL"') == OK


def test_writing_into_a_full_store(bench: Bench) -> None:
    tpdu = Submit.for_text("x", destination="000").encode()
    for number in range(24):
        assert bench.at(f"+CMGW={len(tpdu)}") == PROMPT
        said = bench.type(b"00" + tpdu.hex().encode() + b"\x1a")
        assert said == (b"\r\n+CMGW: %d\r\n" % number + OK if number < 23 else b"\r\n+CMS ERROR: 322\r\n")


def test_service_centre_address_and_parameters(bench: Bench) -> None:
    assert bench.at("+CSCA?") == b'\r\n+CSCA: "+12063130004",145\r\n' + OK
    assert bench.at('+CSCA="+447700900000"') == OK
    assert bench.at('+CSCA="x"') == b"\r\n+CMS ERROR: 305\r\n"
    assert bench.at("+CSAS") == OK
    bench.at('+CSCA="12345";+CSMP=49,,,8')
    assert bench.at("+CSCA?;+CSMP?") == b'\r\n+CSCA: "12345",129\r\n\r\n+CSMP: 49,167,0,8\r\n' + OK
    bench.at("+CRES")
    assert bench.at("+CSCA?;+CSMP?") == b'\r\n+CSCA: "+447700900000",145\r\n\r\n+CSMP: 17,167,0,0\r\n' + OK


def test_rubbish_from_the_network_is_refused_and_nothing_else_happens(bench: Bench) -> None:
    assert deliver(bench, b"") == (b"", [SmsRejected(cause=96)])
    assert deliver(bench, b"\x01") == (b"", [SmsRejected(cause=96)])
    assert bench.at("") == OK


def test_power_off_gives_back_what_was_not_acknowledged(make_bench: Callable[..., Bench],
                                                       make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card())
    bench.at("+CSMS=1;+CNMI=2,2")
    _, outcomes = deliver(bench, message())
    bench.modem.power_off()
    bench.wait("60s")
    assert outcomes == [SmsRejected(cause=41)]
    assert deliver(bench, message())[1] == [SmsRejected(cause=41)]


# -- messages that replace others, and indications --------------------------------------------------------------------


def test_a_message_replaces_the_one_of_its_kind_from_the_same_originator(bench: Bench) -> None:
    other = Address.parse("+15551234")
    assert deliver(bench, message("plain"))[0] == b'\r\n+CMTI: "ME",0\r\n'
    assert deliver(bench, message("first", pid=0x41))[0] == b'\r\n+CMTI: "ME",1\r\n'
    assert deliver(bench, message("another kind", pid=0x42))[0] == b'\r\n+CMTI: "ME",2\r\n'
    assert deliver(bench, message("of another", pid=0x41, originator=other))[0] == b'\r\n+CMTI: "ME",3\r\n'
    bench.at("+CMGF=1")
    assert b"first" in bench.at("+CMGR=1")
    assert deliver(bench, message("second", pid=0x41)) == (b'\r\n+CMTI: "ME",1\r\n', TAKEN)
    shown = bench.at("+CMGR=1")
    assert b"REC UNREAD" in shown
    assert b"second" in shown
    assert b"first" not in bench.at('+CMGL="ALL"')
    assert bench.at("+CPMS?").startswith(b'\r\n+CPMS: "ME",4,23')


def test_a_message_replaces_another_in_a_store_that_is_full(bench: Bench) -> None:
    bench.at('+CPMS="MT","MT","MT"')
    answers = [deliver(bench, message(f"{number}", pid=0x41 if number == 30 else 0))[1] for number in range(200)]
    assert answers[-1] == FULL
    assert deliver(bench, message("new", pid=0x41)) == (b'\r\n+CMTI: "MT",30\r\n', TAKEN)
    assert deliver(bench, message("new", pid=0x42))[1] == FULL


@pytest.mark.parametrize(("store", "said"), [(True, b'\r\n+CMTI: "ME",0\r\n'), (False, b"\r\n+CMT: ")])
def test_an_indication_to_be_kept_is_kept_also_where_messages_are_told_whole(
        bench: Bench, store: bool, said: bytes) -> None:
    bench.at("+CNMI=2,2,0,0,0")
    coding = DataCoding.waiting(Indication.VOICEMAIL, active=True, store=store)
    output, outcomes = deliver(bench, message("1 new", coding=coding))
    assert output.startswith(said)
    assert outcomes == TAKEN


def test_hexadecimal_texts_may_have_plain_numbers(bench: Bench) -> None:
    bench.at('+CMGF=1;+CSCS="HEX"')
    bench.at('+CMGW="000"')
    assert bench.type(b"00484921\x1a") == b"\r\n+CMGW: 0\r\n" + OK
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "STO UNSENT","303030",\r\n00484921\r\n' + OK
    bench.at('+CSCS="GSM"')
    assert b"\r\n\x00HI!\r\n" in bench.at("+CMGR=0")
    bench.at('+CSMP=17,167,0,8;+CSCS="HEX"')
    bench.at('+CMGW="1234"')
    bench.type("Жук".encode("utf-16-be").hex().encode() + b"\x1a")
    assert b'"31323334",\r\n04160443043A\r\n' in bench.at("+CMGR=1")
