"""Commands and unsolicited codes of the driver against a scripted peer, on both clocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from harness.drivers.modem import LineKind
from harness.errors import CommandFailed, ModemError, PortLost, TimeoutExpired, UsageError

if TYPE_CHECKING:
    from tests.unit.modem_driver.conftest import Bench


def test_open_gets_in_step_and_prepares_the_modem(bench: Bench) -> None:
    bench.modem.open(within="5s")

    assert bench.peer.commands[:2] == ["AT", "AT"]
    assert bench.peer.commands[2:] == [step.command for step in bench.modem.dialect.setup]


def test_a_response_is_its_lines_without_echo(bench: Bench) -> None:
    bench.peer.script["AT+CSQ"] = bench.ok("+CSQ: 20,99")
    bench.modem.open()
    bench.peer.echo = True

    response = bench.modem.command("AT+CSQ")

    assert response.lines == ("+CSQ: 20,99",)
    assert response.result == "OK"
    assert response.value("+CSQ:") == "20,99"
    assert bench.modem.signal().rssi_dbm == -73
    assert [line.kind for line in bench.modem.lines[-3:]] == [LineKind.ECHO, LineKind.RESPONSE, LineKind.FINAL]


@pytest.mark.parametrize(("answer", "code"), [
    ("ERROR", None), ("+CME ERROR: 30", 30), ("+CMS ERROR: 500", 500), ("+CME ERROR: SIM not inserted", 10)])
def test_a_refusal_carries_command_result_and_number(virtual: Bench, answer: str, code: int | None) -> None:
    virtual.peer.script["AT+COPS?"] = f"\r\n{answer}\r\n"
    virtual.modem.open()

    with pytest.raises(CommandFailed) as caught:
        virtual.modem.command("AT+COPS?")

    assert (caught.value.command, caught.value.result, caught.value.code) == ("AT+COPS?", answer, code)


def test_an_unsolicited_code_amid_a_response_is_filed_as_such(bench: Bench) -> None:
    bench.peer.script["AT+CEREG?"] = bench.ok('+CEREG: 2,1,"2F0B","0A1B2C3",8').replace(
        "\r\nOK", '\r\n+CEREG: 5,"2F0B","0A1B2C3",8\r\n\r\n+CMTI: "SM",3\r\n\r\nOK')
    bench.modem.open()

    response = bench.modem.command("AT+CEREG?")

    assert response.lines == ('+CEREG: 2,1,"2F0B","0A1B2C3",8',)
    assert bench.modem.expect_urc("+CMTI").text == '+CMTI: "SM",3'
    assert bench.modem.expect_urc("+CEREG").text == '+CEREG: 5,"2F0B","0A1B2C3",8'


def test_expectations_take_nothing_from_each_other(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.later("1s", "\r\n+CREG: 2\r\n\r\n+CREG: 5\r\n\r\n+QIND: SMS DONE\r\n")

    assert virtual.modem.expect_urc("+QIND").text == "+QIND: SMS DONE"
    assert virtual.modem.expect_urc("+CREG").text == "+CREG: 2"
    assert virtual.modem.expect_urc("+CREG").text == "+CREG: 5"
    assert virtual.modem.expect_urc("+CREG", matching="5$").text == "+CREG: 5"
    assert virtual.modem.expect_urc("+CREG", since=0).text == "+CREG: 2"
    assert [line.text for line in virtual.modem.lines if line.kind is LineKind.UNSOLICITED] == [
        "+CREG: 2", "+CREG: 5", "+QIND: SMS DONE"]


def test_a_wait_in_vain_tells_what_came_instead(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.later("1s", "\r\n+QIND: SMS DONE\r\n\r\n+CREG: 2\r\n\r\n+CR")

    with pytest.raises(TimeoutExpired, match=re.escape(
            "waited 5 s for '+CMTI' on modem-1; saw instead: last line '+CREG: 2', 2 lines unread, "
            "an unfinished line '+CR'")):
        virtual.modem.expect_urc("+CMTI", within="5s")


def test_octets_may_arrive_one_by_one(virtual: Bench) -> None:
    virtual.modem.open()
    assert virtual.world is not None
    for number, octet in enumerate(b'\r\n+CMTI: "SM",12\r\n'):
        virtual.world.call_later(f"{number + 1}ms", lambda octet=octet: virtual.peer.send(bytes((octet,))),  # type: ignore[misc]
                                 name="peer")

    assert virtual.modem.expect_urc("+CMTI").text == '+CMTI: "SM",12'


def test_two_line_codes_and_pushed_octets_keep_together(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.later("1s", '\r\n+CMT: "000",,"26/01/01,00:00:00+00"\r\nOK\r\n',
                  b'\r\n+QIURC: "recv",0,6,"100.64.0.1",6969\r\nOK\r\nAT\r\n\r\n+QIND: SMS DONE\r\n')
    virtual.modem.expect_urc("+QIND")

    assert virtual.modem.expect_urc("+CMT").body == ("OK",)
    assert virtual.modem.expect_urc("+QIURC").data == b"OK\r\nAT"


def test_a_late_result_is_not_taken_for_the_next_command(virtual: Bench) -> None:
    virtual.peer.script["AT+COPS=?"] = ""
    virtual.peer.script["AT+CSQ"] = virtual.ok("+CSQ: 9,0")
    virtual.modem.open()
    with pytest.raises(TimeoutExpired, match=r"^waited 3 s for the result of 'AT\+COPS=\?' on modem-1"):
        virtual.modem.command("AT+COPS=?", within="3s")
    virtual.peer.send("\r\n+COPS: (2)\r\n\r\nERROR\r\n")

    assert virtual.modem.command("AT+CSQ").lines == ("+CSQ: 9,0",)


@pytest.mark.parametrize("text", ["", "CSQ", "AT+CSQ\r", "AT" + "x" * 3000, "AT+CSÜ"])
def test_what_is_no_command_line_is_not_sent(virtual: Bench, text: str) -> None:
    virtual.modem.open()
    before = list(virtual.peer.commands)

    with pytest.raises(UsageError, match="a command line is AT and"):
        virtual.modem.command(text)

    assert virtual.peer.commands == before


# -- recovery ---------------------------------------------------------------------------------------------------------


def test_recovers_from_a_prompt_that_was_left_open(bench: Bench) -> None:
    bench.peer.prompt(b"\x1a", "\r\n+CMGS: 1\r\n\r\nOK\r\n")
    bench.modem.open()

    assert bench.modem.command("AT").lines == ()
    assert bench.peer.data == []


def test_recovers_from_a_socket_that_waits_for_octets(virtual: Bench) -> None:
    virtual.peer.prompt(1000, "\r\nSEND OK\r\n")
    virtual.modem.open()

    assert virtual.modem.command("AT").lines == ()


def test_recovers_from_half_a_response_and_half_a_command(virtual: Bench) -> None:
    virtual.channel.open()
    virtual.channel.write(b"AT+CREG")
    virtual.later("10ms", "\r\n+CSQ: 2")
    virtual.modem.open()

    assert virtual.modem.command("AT").lines == ()


def test_a_silent_modem_is_told_as_such(virtual: Bench) -> None:
    virtual.peer.deaf = True

    with pytest.raises(TimeoutExpired, match=r"^waited 10 s for an answer to AT on modem-1; saw instead: no line"):
        virtual.modem.open(within="10s")


def test_a_modem_that_restarted_is_prepared_again(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.peer.echo = True
    virtual.later("1s", "\r\nRDY\r\n")
    virtual.modem.expect_urc("RDY")
    virtual.modem.resynchronise()

    assert virtual.peer.commands.count("ATE0") == 2


def test_a_hang_up_is_a_lost_port_and_stays_one(bench: Bench) -> None:
    bench.modem.open()
    if bench.world is None:
        bench.clock.unwatch(bench.peer)
    bench.peer.hang_up()

    with pytest.raises(PortLost, match=r"modem-1: .* was lost"):
        bench.modem.expect_urc("+CMTI", within="5s")
    with pytest.raises(PortLost):
        bench.modem.command("AT")
    assert not bench.channel.is_open


def test_refused_setup_steps_that_are_needed_stop_the_opening(virtual: Bench) -> None:
    virtual.peer.script["AT+CNMI=2,1,0,0,0"] = "\r\n+CMS ERROR: 310\r\n"
    virtual.modem.open()
    virtual.peer.script["AT+CMEE=1"] = "\r\nERROR\r\n"

    with pytest.raises(CommandFailed, match="CMEE"):
        virtual.modem.resynchronise()


# -- identity and registration ----------------------------------------------------------------------------------------


def test_identity_is_asked_once(virtual: Bench) -> None:
    virtual.peer.script |= {
        "AT+CGMI": virtual.ok("Quectel"), "AT+CGMM": virtual.ok("BG96"), "AT+CGMR": virtual.ok("BG96MAR02A07M1G"),
        "AT+CGSN": virtual.ok("866425030000000"), "AT+CIMI": virtual.ok("732123000000001"),
        "AT+QCCID": virtual.ok("+QCCID: 8988307000000000001F")}
    virtual.modem.open()

    identity = virtual.modem.identity()

    assert (identity.manufacturer, identity.model, identity.imei) == ("Quectel", "BG96", "866425030000000")
    assert virtual.modem.iccid == "8988307000000000001"
    assert virtual.peer.commands.count("AT+CGMI") == 1


def test_a_card_that_still_starts_is_waited_for(virtual: Bench) -> None:
    virtual.modem.open()
    busy = "\r\n+CME ERROR: 14\r\n"
    virtual.peer.script["AT+QCCID"] = [busy, busy, virtual.ok("+QCCID: 8988307000000000001F")]
    assert virtual.modem.iccid == "8988307000000000001"
    with pytest.raises(ModemError, match="modem-1 has no readable SIM card: last line"):
        _ = virtual.modem.iccid


def test_registration_waits_for_service(virtual: Bench) -> None:
    virtual.peer.script["AT+CREG?"] = virtual.ok("+CREG: 2,2")
    virtual.peer.script["AT+CEREG?"] = [virtual.ok("+CEREG: 2,2"), virtual.ok('+CEREG: 2,5,"2F0B","A1B2C3",8')]
    virtual.modem.open()
    virtual.later("1s", '\r\n+CEREG: 5,"2F0B","A1B2C3",8\r\n')
    before = virtual.clock.now()

    state = virtual.modem.registered(within="60s")

    assert (state.status.is_roaming, state.tac, state.ci, state.act) == (True, 0x2F0B, 0xA1B2C3, 8)
    assert virtual.clock.now() - before == 1_000_000_000


def test_registration_is_asked_for_again_whatever_a_modem_says_that_has_just_started(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.peer.script["AT+CREG?"] = "\r\n+CME ERROR: 14\r\n"
    virtual.peer.script["AT+CEREG?"] = ["\r\n+CME ERROR: 14\r\n", virtual.ok("+CEREG: 2,x"), "",
                                        virtual.ok("+CEREG: 2,5")]
    assert virtual.modem.registered(within="60s").status.is_roaming
    virtual.peer.script["AT+CEREG?"] = "\r\n+CME ERROR: 14\r\n"
    with pytest.raises(TimeoutExpired, match=r"^waited 10 s for registration of modem-1; saw instead: modem-1 tells no "
                                             r"registration: it refuses AT\+CEREG\?, AT\+CREG\?"):
        virtual.modem.registered(within="10s")


def test_registration_in_vain_tells_the_state(virtual: Bench) -> None:
    virtual.peer.script |= {"AT+CEREG?": virtual.ok("+CEREG: 2,3"), "AT+CREG?": virtual.ok("+CREG: 2,3")}
    virtual.modem.open()

    with pytest.raises(TimeoutExpired, match=r"^waited 20 s for registration of modem-1; saw instead: denied"):
        virtual.modem.registered(within="20s")


def test_a_command_without_prompt_may_end_in_send_ok_or_send_fail(bench: Bench) -> None:
    bench.modem.open()
    bench.peer.script['AT+QISENDEX=2,"70696e67"'] = "\r\nSEND OK\r\n"
    bench.peer.script['AT+QISENDEX=3,"70696e67"'] = "\r\nSEND FAIL\r\n"
    assert bench.modem.command('AT+QISENDEX=2,"70696e67"', within="2s").result == "SEND OK"
    with pytest.raises(CommandFailed, match="SEND FAIL"):
        bench.modem.command('AT+QISENDEX=3,"70696e67"', within="2s")


def test_a_late_send_ok_ends_no_other_command(bench: Bench) -> None:
    bench.modem.open()
    bench.peer.script["AT+CSQ"] = "\r\nSEND OK\r\n" + bench.ok("+CSQ: 20,99")
    assert bench.modem.command("AT+CSQ", within="2s").value("+CSQ:") == "20,99"
    assert bench.modem.lines[-3].text == "SEND OK"


def test_an_echo_that_was_off_means_a_restart_unless_it_was_asked_for(virtual: Bench) -> None:
    virtual.modem.open()
    virtual.peer.script["ATE1"] = virtual.ok()
    virtual.peer.script["AT+CSQ"] = virtual.ok("+CSQ: 20,99")
    virtual.peer.script["AT+CEREG?"] = virtual.ok("+CEREG: 2,5")
    virtual.modem.command("ATE1")
    virtual.peer.echo = True
    virtual.modem.command("AT+CSQ")
    virtual.peer.commands.clear()
    virtual.modem.registered()
    assert virtual.peer.commands == ["AT+CEREG?"]
    virtual.peer.echo = False
    virtual.modem.resynchronise()
    virtual.peer.echo = True  # as after a brown-out that nobody saw
    virtual.modem.command("AT+CSQ")
    virtual.peer.commands.clear()
    virtual.modem.registered()
    assert virtual.peer.commands[:3] == ["AT", "AT", "ATE0"]


# -- restarts in the midst of it, and ports that come back ------------------------------------------------------------


@pytest.mark.parametrize("command", ["AT+COPS=?", "AT+CMGS=20"])
def test_a_modem_that_starts_anew_answers_no_more(virtual: Bench, command: str) -> None:
    virtual.peer.script[command] = "\r\nRDY\r\n"
    virtual.modem.open()
    before = virtual.clock.now()

    with pytest.raises(ModemError, match=rf"^modem-1 started anew while '{re.escape(command)}' was under way: it said "
                                         r"'RDY'"):
        virtual.modem.command(command, data=b"x" if "CMGS" in command else None)

    assert virtual.clock.now() - before < 20_000_000_000
    assert virtual.modem.command("AT").lines == ()


def test_what_only_looks_like_a_start_ends_nothing(virtual: Bench) -> None:
    virtual.peer.script["AT+COPS=?"] = "\r\nRDY\r\n"
    virtual.modem.open()
    virtual.later("5s", virtual.ok("+COPS: ,,(0-4),(0-2)"))
    assert virtual.modem.command("AT+COPS=?").lines == ("+COPS: ,,(0-4),(0-2)",)


@pytest.mark.parametrize(("command", "seconds"), [
    ("AT+CSQ", 5), ("AT+COPS=?", 180), ("at+cops=?", 180), ("AT+CMEE=1;+COPS=?", 185), ("AT+CSQ;+CREG?", 10),
    ('AT+CMGW="+1;2"', 5), ("ATD*99#", 180), ("ATE0V1", 5)])
def test_all_commands_of_a_line_may_take_their_time(virtual: Bench, command: str, seconds: int) -> None:
    from harness.clock import to_ns

    assert to_ns(virtual.modem.dialect.timeout_for(command)) == seconds * 1_000_000_000


def test_an_interruption_leaves_nothing_behind(virtual: Bench) -> None:
    """Ctrl-C, or a test that is given up, while a command is under way: its result is not the next one's."""
    virtual.modem.open()
    virtual.peer.script["AT+CSQ"] = virtual.ok("+CSQ: 9,0")

    def interrupt(_: str) -> str:
        virtual.later("1s", virtual.ok("+COPS: 0"))
        raise KeyboardInterrupt

    virtual.peer.script["AT+COPS?"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        virtual.modem.command("AT+COPS?")
    virtual.clock.sleep("2s")
    assert virtual.modem.command("AT+CSQ").lines == ("+CSQ: 9,0",)


def test_a_modem_that_echoes_whatever_it_is_told_is_no_modem_that_restarts(virtual: Bench) -> None:
    virtual.peer.echo = True
    virtual.peer.script["AT+CEREG?"] = virtual.ok("+CEREG: 2,5")
    virtual.modem.open()
    virtual.peer.commands.clear()
    virtual.modem.registered()
    assert virtual.peer.commands == ["AT+CEREG?"]
