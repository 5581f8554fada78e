"""The line layer, byte for byte (ITU-T V.250 clauses 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.virtual.modem import SimCard
from harness.virtual.modem.profile import parse_profile

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
ERROR = b"\r\nERROR\r\n"
PROMPT = b"\r\n> "


def test_echo_is_on_after_power_on_and_can_be_switched(bench: Bench) -> None:
    bench.at("E1")
    assert bench.type(b"AT\r") == b"AT\r" + OK
    assert bench.type(b"ATE0\r") == b"ATE0\r" + OK
    assert bench.type(b"AT\r") == OK


def test_echo_comes_as_the_bytes_come(bench: Bench) -> None:
    bench.at("E1")
    assert [bench.type(bytes((octet,))) for octet in b"AT\r"] == [b"A", b"T", b"\r" + OK]


@pytest.mark.parametrize("line", [b"AT\r", b"at\r", b"At\r", b"\nAT\r", b"noise AT\r", b"\x1b\rAT\r", b"\x1aAT\r",
                                  b"AX\x08T\x08\x08AT\r", b"AT \r"])
def test_what_counts_as_an_empty_command_line(bench: Bench, line: bytes) -> None:
    assert bench.type(line) == OK


def test_unknown_commands_are_a_plain_error_at_every_cmee_level(bench: Bench) -> None:
    for level in (0, 1, 2):
        bench.at(f"+CMEE={level}")
        assert bench.at("+NOSUCH") == bench.at("+NOSUCH=1") == bench.at("+NOSUCH?") == bench.at("+NOSUCH=?") == ERROR


def test_commands_of_a_line_run_in_order_up_to_the_first_failure(bench: Bench) -> None:
    assert bench.at("E0V1Q0S0=0&C1 &D2+CMGF=1;+CMGF?;+NOSUCH;+CMGF=0") == b"\r\n+CMGF: 1\r\n" + ERROR
    assert bench.at("+CMGF?") == b"\r\n+CMGF: 1\r\n" + OK


def test_a_semicolon_in_quotes_is_data(bench: Bench) -> None:
    assert bench.at('+CGDCONT=3,"IP","a;b";+CGDCONT?') == (
        b'\r\n+CGDCONT: 3,"IP","a;b","0.0.0.0",0,0,0,0\r\n' + OK)


def test_repeat_needs_no_carriage_return(bench: Bench) -> None:
    bench.at("+CMGF?")
    assert bench.type(b"A/") == b"\r\n+CMGF: 0\r\n" + OK
    assert bench.type(b"a/") == b"\r\n+CMGF: 0\r\n" + OK


def test_numeric_responses(bench: Bench) -> None:
    assert bench.at("V0") == b"0\r"
    assert bench.at("+CGMM") == b"BG96\r\n0\r"
    assert bench.at("+NOSUCH") == b"4\r"
    assert bench.at("D*99#") == b"3\r"
    assert bench.at("+CMEE=9") == b"+CME ERROR: 50\r"


def test_quiet_suppresses_results_but_not_information(bench: Bench) -> None:
    assert bench.at("Q1") == b""
    assert bench.at("+CGMM") == b"\r\nBG96\r\n"
    assert bench.at("Q0") == OK


def test_s3_and_s4_replace_the_line_end_and_s5_the_backspace(bench: Bench) -> None:
    assert bench.at("S5=35") == OK
    assert bench.type(b"ATX#Z##\r") == OK
    assert bench.at("S4=33") == b"\r!OK\r!"
    assert bench.at("S3=46") == b".!OK.!"
    assert bench.type(b"ATS3?.") == b".!046.!.!OK.!"


def test_parameters_are_read_with_three_digits(bench: Bench) -> None:
    assert bench.at("S3?") == b"\r\n013\r\n" + OK
    assert bench.at("S7=300") == ERROR
    assert bench.at("S99?") == ERROR


def test_store_recall_and_factory_settings(bench: Bench) -> None:
    bench.at("+CNMI=1,2,0,0,0")
    bench.at("S0=3")
    assert bench.at("&W") == OK
    bench.at("+CNMI=2,1,0,1,0")
    bench.at("S0=0")
    assert bench.at("Z") == OK
    assert bench.at("+CNMI?;S0?") == b"\r\n+CNMI: 1,2,0,0,0\r\n\r\n003\r\n" + OK
    bench.at("&F")
    bench.at("E0")
    assert bench.at("+CNMI?;S0?") == b"\r\n+CNMI: 2,1,0,0,0\r\n\r\n000\r\n" + OK


def test_later_bytes_wait_while_a_command_is_busy(bench: Bench) -> None:
    assert bench.type(b'AT+CGDCONT=1,"IP","super";+CGACT=1,1;+CGACT?\rAT+CGMM\r') == b""
    assert bench.wait("1s") == b"\r\n+CGACT: 1,1\r\n" + OK + b"\r\nBG96\r\n" + OK


def test_any_character_aborts_a_scan_and_is_not_executed(bench: Bench) -> None:
    assert bench.at("+COPS=?") == b""
    assert bench.type(b"\n") == b""
    assert bench.type(b"AT+CGMM\r") == OK
    assert bench.wait("60s") == b""
    assert bench.at("") == OK


def test_an_overlong_line_is_one_error_and_the_modem_goes_on(bench: Bench) -> None:
    assert bench.type(b"AT+CMGS=" + b"x" * 100_000) == b""
    assert bench.type(b"\r") == ERROR
    assert bench.at("") == OK


def test_unsolicited_results_wait_for_the_final_result(bench: Bench) -> None:
    bench.at("+COPS=?")
    bench.modem.urc("+TEST: 1")
    assert bench.wait("60s").endswith(OK + b"\r\n+TEST: 1\r\n")
    bench.modem.urc("+TEST: 2")
    assert bench.heard() == b"\r\n+TEST: 2\r\n"


def test_unsolicited_results_wait_for_an_open_prompt(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == b"\r\n> "
    bench.modem.urc("+TEST: 1")
    assert bench.heard() == b""
    assert bench.type(b"\x1b") == OK + b"\r\n+TEST: 1\r\n"


def test_calls_fail_and_hanging_up_is_fine(bench: Bench) -> None:
    for line in ("D*99#", "D+15551234;", "A", "O"):
        assert bench.at(line) == b"\r\nNO CARRIER\r\n"
    assert bench.at("H") == bench.at("H0") == OK


def test_a_module_without_power_is_deaf(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(boot=False)
    assert bench.at("") == b""
    bench.modem.power_on()
    assert bench.heard() == b""
    assert bench.at("") == b"AT\r" + OK


SLOW = """
name = "SLOW"
manufacturer = "M"
model = "X"
revision = "1"
features = ["line", "identity", "general", "sim", "network", "packet", "sms"]
[stores]
ME = 3
[timing]
plain = "20ms"
"+CMGW" = "3s"
[[boot]]
action = "sim"
"""


def test_commands_take_the_time_of_the_profile_but_prompts_come_at_once(make_bench: Callable[..., Bench],
                                                                      make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(profile=parse_profile(SLOW, source="slow"), sim=make_card(), boot=False)
    bench.modem.power_on()
    assert bench.at("E0") == b"ATE0\r"
    assert bench.wait("19ms") == b""
    assert bench.wait("1ms") == OK
    assert bench.at("+CMGF=1", wait="20ms") == OK
    assert bench.at('+CMGW="000"') == PROMPT
    assert bench.type(b"text\x1a") + bench.wait("2s") == b""
    assert bench.wait("1s") == b"\r\n+CMGW: 0\r\n" + OK


def test_the_line_that_dialers_begin_with(bench: Bench) -> None:
    assert bench.at("Q0 V1 E0 S0=0 &C1 &D2 +FCLASS=0") == b"\r\nOK\r\n"
    assert bench.at("+FCLASS?") == b"\r\n+FCLASS: 0\r\n\r\nOK\r\n"
    assert bench.at("+FCLASS=1") == b"\r\n+CME ERROR: 50\r\n"


def test_spaces_may_stand_anywhere_but_in_values(bench: Bench) -> None:
    assert bench.at(" + CMGF = 1 ; + CMGF ?") == b"\r\n+CMGF: 1\r\n" + OK
    assert bench.at(" S 0 = 2 S 0 ? ") == b"\r\n002\r\n" + OK


@pytest.mark.parametrize("name", ["S0", "S3", "S4", "S5", "S12"])
def test_a_parameter_without_a_value_is_left_as_it_is(bench: Bench, name: str) -> None:
    """S3=0 would be a port that no line ends at any more."""
    before = bench.at(f"{name}?")
    assert bench.at(f"{name}=") == ERROR
    assert bench.at(f"{name}?") == before


def test_no_echo_of_line_feeds_and_of_line_ends_that_came_too_early(bench: Bench) -> None:
    bench.at("E1;+CMGF=1")
    assert bench.type(b"AT\r\n") == b"AT\r\r\nOK\r\n"
    assert bench.type(b"\n") == b""
    bench.type(b'AT+CMGS="000"\r')
    assert bench.type(b"hello\x1a\r") == b"hello\x1a"
    assert bench.wait("2s") == b"\r\n+CMGS: 0\r\n\r\nOK\r\n"


DEAF = SLOW.replace("[stores]", '[answers]\nwhile_busy = "drop"\n[stores]')


def test_what_comes_during_a_command_waits_or_is_lost_as_the_profile_says(make_bench: Callable[..., Bench],
                                                                         make_card: Callable[..., SimCard]) -> None:
    for text, answers in ((SLOW, 3), (DEAF, 1)):
        bench = make_bench(profile=parse_profile(text, source="x"), sim=make_card(), boot=False)
        bench.modem.power_on()
        bench.at("E0", wait="1s")
        for _ in range(3):
            assert bench.at("+CMGF=1") == b""
        assert bench.wait("1s").count(OK) == answers
        assert bench.at("+CGMM", wait="1s") == b"\r\nX\r\n" + OK


def test_without_extended_results_a_connection_has_no_rate(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    for extended, told in ((0, b"\r\nCONNECT\r\n"), (1, b"\r\nCONNECT 150000000\r\n")):
        assert bench.at(f"X{extended}") == OK
        assert bench.at("D*99#", wait="1s").startswith(told)
        bench.wait("2s")
        bench.type(b"+++")
        bench.wait("2s")
        assert bench.at("H", wait="1s").startswith(OK)
    bench.at("V0")
    assert bench.at("D*99#", wait="1s").startswith(b"1\r")


def test_with_automatic_rate_nothing_is_said_before_the_first_command(bench: Bench) -> None:
    bench.at("+IPR=0;&W")
    bench.modem.reboot()
    assert bench.wait("10s") == b""
    assert bench.type(b"AT\r") == OK  # E0 was stored, too
    bench.modem.urc("+TEST: 1")
    assert bench.heard() == b"\r\n+TEST: 1\r\n"
