"""SMS through the driver against a scripted peer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from harness.errors import CommandFailed, ModemError, PduError, TimeoutExpired, UsageError
from harness.formats.sms import Address, Deliver, StatusReport, Submit

if TYPE_CHECKING:
    from tests.unit.modem_driver.conftest import Bench

WHEN = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def bench(virtual: Bench) -> Bench:
    virtual.modem.open()
    return virtual


def stored(bench: Bench, index: int, tpdu: bytes) -> None:
    """Let the peer have a message at ``index``, as it is read in PDU mode."""
    bench.peer.script[f"AT+CMGR={index}"] = [
        bench.ok(f"+CMGR: 0,,{len(tpdu)}", "00" + tpdu.hex().upper()).replace("\r\n\r\n00", "\r\n00"), bench.ok()]
    bench.peer.script[f"AT+CMGD={index}"] = bench.ok()
    bench.peer.script['AT+CPMS="SM"'] = bench.ok("+CPMS: 1,50,1,50,1,50")


def deliver(text: str, sender: str = "000") -> bytes:
    return Deliver.for_text(text, originator=sender, timestamp=WHEN).encode()


# -- sending ----------------------------------------------------------------------------------------------------------


def accept_submits(bench: Bench, *lengths: int) -> None:
    for reference, length in enumerate(lengths, start=7):
        def prompt(_: str, reference: int = reference) -> str:
            bench.peer.prompt(b"\x1a", f"\r\n+CMGS: {reference}\r\n\r\nOK\r\n")
            return ""
        bench.peer.script[f"AT+CMGS={length}"] = prompt


def test_a_text_is_sent_as_a_pdu(bench: Bench) -> None:
    expected = Submit.for_text("LED IS ON", destination="000").encode()
    accept_submits(bench, len(expected))

    sent = bench.modem.send_sms("000", "LED IS ON")

    assert sent.references == (7,)
    assert bench.peer.data == [b"00" + expected.hex().upper().encode()]


def test_a_long_text_is_sent_in_parts(bench: Bench) -> None:
    text = "0123456789" * 20
    parts = Submit.parts_for_text(text, destination="+15551230000", reference=1)
    accept_submits(bench, *(len(part.encode()) for part in parts))

    sent = bench.modem.send_sms("+15551230000", text)

    assert sent.references == (7, 8)
    submits = [Submit.decode(bytes.fromhex(data.decode())[1:]) for data in bench.peer.data]
    assert "".join(submit.text or "" for submit in submits) == text
    assert [submit.concatenation.sequence for submit in submits if submit.concatenation] == [1, 2]


def test_text_mode_sends_the_text_itself(bench: Bench) -> None:
    def prompt(_: str) -> str:
        bench.peer.prompt(b"\x1a", "\r\n+CMGS: 3\r\n\r\nOK\r\n")
        return ""

    bench.peer.script |= {"AT+CMGF=1": bench.ok(), 'AT+CSCS="IRA"': bench.ok(), 'AT+CMGS="000"': prompt}

    assert bench.modem.send_sms("000", "LED IS ON", text_mode=True).references == (3,)
    assert bench.peer.data == [b"LED IS ON"]
    assert bench.peer.commands[-1] == "AT+CMGF=0"
    for text in ("grün", "x" * 161, "a\x1ab"):
        with pytest.raises(UsageError, match="text mode"):
            bench.modem.send_sms("000", text, text_mode=True)


def test_a_refused_text_carries_the_cms_error(bench: Bench) -> None:
    length = len(Submit.for_text("x", destination="000").encode())
    bench.peer.script[f"AT+CMGS={length}"] = "\r\n+CMS ERROR: 38\r\n"

    with pytest.raises(CommandFailed) as caught:
        bench.modem.send_sms("000", "x")

    assert caught.value.code == 38


def test_what_has_no_sms_form_is_not_sent(bench: Bench) -> None:
    before = list(bench.peer.commands)
    with pytest.raises(PduError):
        bench.modem.send_sms("", "x")
    with pytest.raises(PduError):
        bench.modem.send_sms("000", "x" * 153 * 256)
    assert bench.peer.commands == before


def test_a_prompt_that_never_comes_is_escaped_from(bench: Bench) -> None:
    length = len(Submit.for_text("x", destination="000").encode())
    bench.peer.script[f"AT+CMGS={length}"] = ""

    with pytest.raises(TimeoutExpired, match=rf"^waited 120 s for the prompt of 'AT\+CMGS={length}' on modem-1"):
        bench.modem.send_sms("000", "x")

    assert bench.modem.command("AT").lines == ()


# -- receiving --------------------------------------------------------------------------------------------------------


def test_an_announced_text_is_read_and_deleted(bench: Bench) -> None:
    stored(bench, 3, deliver("LED ON"))
    bench.later("2s", '\r\n+CMTI: "SM",3\r\n')

    received = bench.modem.expect_sms("LED ON", within="10s")

    assert (received.sender, received.text, received.timestamp, received.parts) == ("000", "LED ON", WHEN, 1)
    assert bench.peer.commands[-3:] == ['AT+CPMS="SM"', "AT+CMGR=3", "AT+CMGD=3"]


def test_a_text_that_was_pushed_is_taken(bench: Bench) -> None:
    tpdu = deliver("grün € 😀")
    bench.later("1s", f"\r\n+CMT: ,{len(tpdu)}\r\n00{tpdu.hex().upper()}\r\n")

    assert bench.modem.expect_sms(within="10s").text == "grün € 😀"


def test_parts_are_joined_in_whatever_order_they_come(bench: Bench) -> None:
    text = "abcdefghij" * 35
    parts = Deliver.parts_for_text(text, originator="000", timestamp=WHEN, reference=9)
    for index, part in enumerate((parts[1], parts[2], parts[0]), start=1):
        stored(bench, index, part.encode())
    bench.later("1s", *(f'\r\n+CMTI: "SM",{index}\r\n' for index in (1, 2, 3)))

    received = bench.modem.expect_sms(text, within="10s")

    assert (received.text, received.parts) == (text, 3)
    assert len(bench.modem.inbox) == 1


def test_parts_that_come_twice_count_once_and_references_come_round(bench: Bench) -> None:
    first, second = "abcdefghij" * 20, "klmnopqrst" * 20
    one = Deliver.parts_for_text(first, originator="000", timestamp=WHEN, reference=9)
    two = Deliver.parts_for_text(second, originator="000", timestamp=WHEN + timedelta(minutes=1), reference=9)
    order = (one[1], one[1], one[0], one[0], one[1], two[0], two[0], two[1])
    for index, part in enumerate(order, start=1):
        stored(bench, index, part.encode())
    bench.later("1s", *(f'\r\n+CMTI: "SM",{index}\r\n' for index in range(1, len(order) + 1)))

    assert bench.modem.expect_sms(first, within="10s").parts == 2
    assert bench.modem.expect_sms(second, within="10s").parts == 2
    assert [received.text for received in bench.modem.inbox] == [first, second]


def test_expectations_keep_what_they_skip(bench: Bench) -> None:
    for index, text in enumerate(("one", "two", "three"), start=1):
        stored(bench, index, deliver(text))
        bench.later("1s", f'\r\n+CMTI: "SM",{index}\r\n')

    assert bench.modem.expect_sms("three", within="10s").text == "three"
    assert [bench.modem.expect_sms(within="1s").text for _ in range(3)] == ["one", "two", "three"]
    with pytest.raises(TimeoutExpired, match=re.escape("waited 1 s for SMS 'three' on modem-1; saw instead: 3 SMS, "
                                                       "the last 'one' from 000, 'two' from 000, 'three' from 000")):
        bench.modem.expect_sms("three", within="1s")


def test_no_text_at_all_is_told_with_what_came_instead(bench: Bench) -> None:
    bench.later("1s", "\r\n+QIND: SMS DONE\r\n")
    with pytest.raises(TimeoutExpired, match=re.escape(
            "waited 5 s for SMS 'LED ON' from 000 on modem-1; saw instead: no SMS, last line '+QIND: SMS DONE', "
            "1 line unread")):
        bench.modem.expect_sms("LED ON", sender="000", within="5s")


def test_an_unreadable_pdu_is_journalled_and_does_not_stop_the_rest(bench: Bench) -> None:
    stored(bench, 1, b"")
    bench.peer.script["AT+CMGR=1"] = bench.ok("+CMGR: 0,,3", "FF0401")
    stored(bench, 2, deliver("sound"))
    bench.later("1s", '\r\n+CMTI: "SM",1\r\n\r\n+CMTI: "SM",2\r\n')

    assert bench.modem.expect_sms(within="10s").text == "sound"
    assert bench.journal.last("sms_unreadable") is not None


def test_a_message_that_vanished_is_passed_over(bench: Bench) -> None:
    bench.peer.script['AT+CPMS="SM"'] = bench.ok()
    bench.peer.script["AT+CMGR=1"] = "\r\n+CMS ERROR: 321\r\n"
    bench.peer.script["AT+CMGR=2"] = bench.ok()
    stored(bench, 3, deliver("sound"))
    bench.later("1s", *(f'\r\n+CMTI: "SM",{index}\r\n' for index in (1, 2, 3)))

    assert bench.modem.expect_sms(within="10s").text == "sound"


def test_a_modem_that_restarts_while_a_text_is_awaited_is_prepared_again(bench: Bench) -> None:
    stored(bench, 3, deliver("LED ON"))
    bench.peer.echo = True
    bench.later("1s", "\r\nRDY\r\n")
    bench.later("9s", '\r\n+CMTI: "SM",3\r\n')

    assert bench.modem.expect_sms("LED ON", within="10s").text == "LED ON"
    assert bench.peer.commands.count("AT+CNMI=2,1,0,0,0") == 2


def test_what_was_refused_while_the_card_started_is_repeated(bench: Bench) -> None:
    bench.peer.script["AT+CNMI=2,1,0,0,0"] = ["\r\n+CMS ERROR: 314\r\n", bench.ok()]
    bench.modem.resynchronise()
    stored(bench, 3, deliver("LED ON"))
    bench.later("1s", '\r\n+CMTI: "SM",3\r\n')
    bench.modem.expect_sms(within="10s")
    bench.modem.expect_sms("LED ON", within="10s")

    assert bench.peer.commands.count("AT+CNMI=2,1,0,0,0") == 3


def test_status_reports_are_found_by_reference(bench: Bench) -> None:
    report = StatusReport(message_reference=7, recipient=Address.parse("000"), timestamp=WHEN, discharge_time=WHEN)
    tpdu = report.encode()
    bench.later("1s", f"\r\n+CDS: {len(tpdu)}\r\n00{tpdu.hex().upper()}\r\n")

    assert bench.modem.expect_status_report(7, within="10s").status_text == "received by the recipient"
    with pytest.raises(TimeoutExpired, match="a status report on message 8"):
        bench.modem.expect_status_report(8, within="1s")


# -- what was missed, and what is not as it should be -----------------------------------------------------------------


def listing(bench: Bench, *entries: tuple[int, bytes]) -> None:
    """Let the store hold messages that nobody announced."""
    bench.peer.script["AT+CPMS?"] = bench.ok('+CPMS: "ME",1,23,"ME",1,23,"ME",1,23')
    bench.peer.script['AT+CPMS="ME"'] = bench.ok()
    bench.peer.script["AT+CMGL=0"] = bench.ok(*(f"+CMGL: {index},0,,{len(tpdu)}\r\n00{tpdu.hex().upper()}"
                                               for index, tpdu in entries))


def test_what_was_not_announced_while_the_modem_restarted_is_found(bench: Bench) -> None:
    stored(bench, 4, deliver("LED ON"))
    listing(bench, (4, deliver("LED ON")))
    bench.later("1s", "\r\nRDY\r\n")

    assert bench.modem.expect_sms("LED ON", within="10s").text == "LED ON"
    assert bench.peer.commands[-3:] == ["AT+CMGL=0", "AT+CMGR=4", "AT+CMGD=4"]


def test_what_was_there_before_the_port_was_opened_stays_there(bench: Bench) -> None:
    listing(bench, (4, deliver("old")))
    with pytest.raises(TimeoutExpired):
        bench.modem.expect_sms(within="1s")
    assert "AT+CMGL=0" not in bench.peer.commands


def test_a_pdu_that_came_short_is_read_again(bench: Bench) -> None:
    tpdu = deliver("LED ON")
    stored(bench, 3, tpdu)
    whole = bench.ok(f"+CMGR: 0,,{len(tpdu)}", "00" + tpdu.hex().upper())
    short = bench.ok(f"+CMGR: 0,,{len(tpdu)}", "00" + tpdu.hex().upper()[:-8])
    bench.peer.script["AT+CMGR=3"] = [short, whole]
    bench.later("1s", '\r\n+CMTI: "SM",3\r\n')

    assert bench.modem.expect_sms(within="10s").text == "LED ON"
    assert bench.peer.commands[-3:] == ["AT+CMGR=3", "AT+CMGR=3", "AT+CMGD=3"]


def test_a_message_that_cannot_be_deleted_is_received_once(bench: Bench) -> None:
    stored(bench, 3, deliver("LED ON"))
    bench.peer.script["AT+CMGD=3"] = "\r\n+CMS ERROR: 320\r\n"
    bench.later("1s", '\r\n+CMTI: "SM",3\r\n')

    assert bench.modem.expect_sms(within="10s").text == "LED ON"
    assert bench.journal.last("sms_not_deleted") is not None
    with pytest.raises(TimeoutExpired):
        bench.modem.expect_sms(within="1s")


def test_a_modem_that_somebody_put_into_text_mode_is_told_as_such(bench: Bench) -> None:
    bench.peer.script['AT+CPMS="SM"'] = bench.ok()
    bench.peer.script["AT+CMGR=3"] = bench.ok('+CMGR: "REC UNREAD","000",,"26/11/25,02:20:00+00"\r\nLED ON')
    bench.later("1s", '\r\n+CMTI: "SM",3\r\n')

    with pytest.raises(ModemError, match=r"is not followed by a PDU but by 'LED ON': is the modem in text mode"):
        bench.modem.expect_sms(within="10s")
    stored(bench, 3, deliver("LED ON"))  # who puts that right gets the message
    assert bench.modem.expect_sms(within="10s").text == "LED ON"


def test_what_is_seen_instead_of_a_text(bench: Bench) -> None:
    parts = Deliver.parts_for_text("x" * 300, originator="000", timestamp=WHEN, reference=9)
    stored(bench, 1, parts[0].encode())
    stored(bench, 2, b"")
    bench.peer.script["AT+CMGR=2"] = bench.ok("+CMGR: 0,,3", "FF0401")
    listing(bench)
    bench.peer.script["AT+CPMS?"] = bench.ok('+CPMS: "ME",23,23,"ME",23,23,"ME",23,23')
    bench.later("1s", '\r\n+CMTI: "SM",1\r\n\r\n+CMTI: "SM",2\r\n')

    with pytest.raises(TimeoutExpired) as caught:
        bench.modem.expect_sms(within="10s")
    told = str(caught.value)
    assert "; 1 part of texts that are not whole; a message that can't be read: the service centre address" in told
    assert told.endswith("; store ME is full (23 of 23): clear_sms() makes room")


def test_every_store_is_cleared(bench: Bench) -> None:
    bench.peer.script["AT+CPMS?"] = bench.ok('+CPMS: "SM",1,10,"SM",1,10,"ME",5,23')
    for store in ("SM", "ME"):
        bench.peer.script[f'AT+CPMS="{store}"'] = bench.ok()
    bench.peer.script["AT+CMGD=1,4"] = bench.ok()
    bench.modem.clear_sms()
    assert bench.peer.commands[-5:] == ["AT+CPMS?", 'AT+CPMS="ME"', "AT+CMGD=1,4", 'AT+CPMS="SM"', "AT+CMGD=1,4"]
