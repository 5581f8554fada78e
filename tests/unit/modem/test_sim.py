"""The SIM card: locks, counters, files, removal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.modem import SimCard

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
MakeBench = Callable[..., "Bench"]
MakeCard = Callable[..., SimCard]


def test_pin(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    assert bench.carrier.calls == []
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PIN\r\n" + OK
    assert bench.at("+CIMI") == b"\r\n+CME ERROR: 11\r\n"
    assert bench.at("+CMGL=4") == b"\r\n+CMS ERROR: 311\r\n"
    assert bench.at("+CPIN=0000") == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at("+CPINR") == (b"\r\n+CPINR: SIM PIN,2,3\r\n+CPINR: SIM PUK,10,10\r\n"
                                  b"+CPINR: SIM PIN2,3,3\r\n+CPINR: SIM PUK2,10,10\r\n" + OK)
    assert bench.at('+CPIN="1234"') == OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    assert bench.at("+CPIN=1234") == b"\r\n+CME ERROR: 3\r\n"
    bench.wait("3s")
    assert bench.at("+CEREG?") == b"\r\n+CEREG: 0,5\r\n" + OK


def test_three_wrong_pins_ask_for_the_puk_and_ten_wrong_puks_end_the_card(make_bench: MakeBench,
                                                                         make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234", puk="87654321"))
    said = [bench.at("+CPIN=1111") for _ in range(3)]
    assert said == [b"\r\n+CME ERROR: 16\r\n"] * 2 + [b"\r\n+CME ERROR: 12\r\n"]
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PUK\r\n" + OK
    assert bench.at("+CPIN=1234") == b"\r\n+CME ERROR: 12\r\n"
    assert bench.at('+CPIN="87654321","4321"') == OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    bench.at('+CPWD="SC","4321","2222"')
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    for _ in range(3):
        bench.at("+CPIN=1111")
    assert bench.at('+QPINC="SC"') == b'\r\n+QPINC: "SC",0,10\r\n' + OK
    for _ in range(10):
        bench.at('+CPIN="00000000","1111"')
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 13\r\n"


def test_facility_lock(bench: Bench) -> None:
    assert bench.at('+CLCK="SC",2') == b"\r\n+CLCK: 0\r\n" + OK
    assert bench.at('+CLCK="SC",1,"9999"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CLCK="SC",1,"0000"') == OK
    assert bench.at('+CLCK="SC",2') == b"\r\n+CLCK: 1\r\n" + OK
    assert bench.at('+CLCK="AO",2') == b"\r\n+CME ERROR: 4\r\n"
    bench.modem.reboot()
    assert b"\r\n+CPIN: SIM PIN\r\n" in bench.wait("10s")


def test_files(bench: Bench) -> None:
    read = {
        "176,28423,0,0,9": b'\r\n+CRSM: 144,0,"083901718054640649"\r\n',
        "176,28589,0,0,4": b'\r\n+CRSM: 144,0,"00000003"\r\n',
        "176,28486,0,0,17": b'\r\n+CRSM: 144,0,"005477696C696FFFFFFFFFFFFFFFFFFFFF"\r\n',
        "176,28539,0,0,12": b'\r\n+CRSM: 144,0,"' + b"FF" * 12 + b'"\r\n',
        "176,1,0,0,1": b"\r\n+CRSM: 148,4\r\n",
        "176,12258,0,0,11": b"\r\n+CRSM: 103,0\r\n",
        "214,12258,0,0,1,\"00\"": b"\r\n+CRSM: 152,4\r\n",
        "178,28482,9,4,0": b"\r\n+CRSM: 148,2\r\n",
    }
    for arguments, said in read.items():
        assert bench.at(f"+CRSM={arguments}") == said + OK, arguments
    assert bench.at('+CRSM=214,28539,0,3,3,"13F010"') == b"\r\n+CRSM: 144,0\r\n" + OK
    assert bench.at("+CRSM=176,28539,0,0,6") == b'\r\n+CRSM: 144,0,"FFFFFF13F010"\r\n' + OK
    assert bench.at("+CRSM=99,28539,0,0,6") == b"\r\n+CME ERROR: 50\r\n"


def test_iccid_file_has_swapped_digits(bench: Bench) -> None:
    said = bench.at("+CRSM=176,12258,0,0,10")
    digits = said.split(b'"')[1].decode()
    assert "".join(b + a for a, b in zip(digits[::2], digits[1::2], strict=True)) == bench.modem.iccid


def test_removal_and_insertion(bench: Bench) -> None:
    bench.at("+CREG=1")
    card = bench.modem.remove_sim()
    assert card is not None
    assert bench.heard() == b"\r\n+CREG: 0\r\n\r\n+CPIN: NOT READY\r\n"
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    assert bench.modem.iccid == bench.modem.imsi == ""
    bench.modem.insert_sim(card)
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 14\r\n"
    assert b"\r\n+CREG: 5\r\n" in bench.wait("5s")
    with pytest.raises(UsageError, match="taken"):
        bench.modem.insert_sim(card)


def test_an_identity_switch_registers_anew(bench: Bench) -> None:
    bench.modem.switch_imsi("234500000000001")
    assert bench.carrier.calls[-1] == "detach"
    bench.wait("5s")
    assert bench.carrier.calls[-1] == "attach"
    assert bench.at("+CIMI") == b"\r\n234500000000001\r\n" + OK


def test_a_module_without_a_card(make_bench: MakeBench) -> None:
    bench = make_bench(boot=False)
    bench.modem.power_on()
    said = bench.wait("10s")
    assert b"\r\n+CPIN: NOT READY\r\n" in said
    assert b"+QIND" not in said
    assert bench.carrier.calls == []


@pytest.mark.parametrize("change", [{"iccid": "123"}, {"imsi": "x" * 15}, {"pin": "12"}, {"puk": "1"},
                                    {"msisdn": "one"}, {"smsc": ""}])
def test_cards_that_can_not_be(change: dict[str, str]) -> None:
    facts = {"iccid": "89883070000000000017", "imsi": "310170845466094", **change}
    with pytest.raises(UsageError, match="digits"):
        SimCard(**facts)  # type: ignore[arg-type]


# -- PIN2 -------------------------------------------------------------------------------------------------------------


FIXED_NUMBER = f'+CRSM=220,28475,1,4,28,"{"FF" * 14}0781214365870921{"FF" * 6}"'  # a fixed dialling number, EF 6F3B


def test_what_pin2_guards_asks_for_it(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin2="5678", puk2="87654321"))
    assert bench.at('+CPIN="5678"') == b"\r\n+CME ERROR: 3\r\n"  # nothing has asked for it
    assert bench.at(FIXED_NUMBER) == b"\r\n+CRSM: 152,4\r\n" + OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PIN2\r\n" + OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK  # told once: the card is of use all the same
    assert bench.at("+CIMI").endswith(OK)
    assert bench.at('+CPIN="0000"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+QPINC="P2"') == b'\r\n+QPINC: "P2",2,10\r\n' + OK
    assert bench.at('+CPIN="5678"') == OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    assert bench.at(FIXED_NUMBER) == b"\r\n+CRSM: 144,0\r\n" + OK
    assert b"0781214365870921" in bench.at("+CRSM=178,28475,1,4,28")


def test_three_wrong_pin2s_ask_for_puk2(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin2="5678", puk2="87654321"))
    said = [bench.at('+CPWD="P2","1111","2222"') for _ in range(3)]
    assert said == [b"\r\n+CME ERROR: 16\r\n"] * 2 + [b"\r\n+CME ERROR: 18\r\n"]
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PUK2\r\n" + OK
    assert bench.at('+CPWD="P2","5678","2222"') == b"\r\n+CME ERROR: 18\r\n"
    assert bench.at('+CPIN="5678"') == b"\r\n+CME ERROR: 18\r\n"
    assert bench.at('+CPIN="87654321","2222"') == OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    assert bench.at('+CPWD="P2","2222","3333"') == OK
    assert bench.at("+CPINR").count(b"PIN2,3,3") == 1


def test_ten_wrong_puk2s_end_pin2_but_not_the_card(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin2="5678", puk2="87654321"))
    for _ in range(3):
        bench.at('+CPWD="P2","1111","2222"')
    for _ in range(9):
        assert bench.at('+CPIN="00000000","2222"') == b"\r\n+CME ERROR: 18\r\n"
    assert bench.at('+CPIN="00000000","2222"') == b"\r\n+CME ERROR: 13\r\n"
    assert bench.at('+CPIN="87654321","2222"') == b"\r\n+CME ERROR: 13\r\n"
    assert bench.at("+CEREG?") == b"\r\n+CEREG: 0,5\r\n" + OK


def test_a_power_cycle_forgets_that_pin2_was_given(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin2="5678"))
    bench.at(FIXED_NUMBER)
    bench.at('+CPIN="5678"')
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at(FIXED_NUMBER) == b"\r\n+CRSM: 152,4\r\n" + OK


# -- a module that serves one card ------------------------------------------------------------------------------------


def test_a_module_that_serves_one_card_asks_before_it_serves_another(make_bench: MakeBench,
                                                                    make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card())
    assert bench.at('+CLCK="PS",2') == b"\r\n+CLCK: 0\r\n" + OK
    assert bench.at('+CLCK="PS",1,"4711"') == OK
    assert bench.at('+CLCK="PS",2') == b"\r\n+CLCK: 1\r\n" + OK
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK  # it is the one
    own = bench.modem.remove_sim()
    assert own is not None
    bench.modem.insert_sim(SimCard("8988307000000000089", "310410123456780"))
    bench.wait("10s")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: PH-SIM PIN\r\n" + OK
    assert bench.at("+CIMI") == b"\r\n+CME ERROR: 5\r\n"
    assert bench.at('+CPIN="0815"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CPIN="4711"') == OK
    bench.wait("5s")
    assert bench.at("+CIMI") == b"\r\n310410123456780\r\n" + OK
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: PH-SIM PIN\r\n" + OK  # until the power goes, and no longer
    assert bench.at('+CPIN="4711"') == OK
    assert bench.at('+CLCK="PS",0,"0000"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CLCK="PS",0,"4711"') == OK
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK


# -- counters ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("selector", "codes"), [
    ('="SIM PIN"', ["SIM PIN"]), ('="SIM PUK2"', ["SIM PUK2"]), ('="*PIN*"', ["SIM PIN", "SIM PIN2"]),
    ('="*2"', ["SIM PIN2", "SIM PUK2"]), ('="SIM*"', ["SIM PIN", "SIM PUK", "SIM PIN2", "SIM PUK2"]),
    ('="*"', ["SIM PIN", "SIM PUK", "SIM PIN2", "SIM PUK2"]),
])
def test_counters_by_name(bench: Bench, selector: str, codes: list[str]) -> None:
    said = bench.at(f"+CPINR{selector}").decode()
    assert [line.partition(": ")[2].partition(",")[0] for line in said.split("\r\n") if line.startswith("+")] == codes


def test_counters_of_no_code(bench: Bench) -> None:
    for selector in ('="SIM"', '="PIN"', '="PH*"', '="SIM PI."', '="SIM PIN","x"'):
        assert bench.at(f"+CPINR{selector}") == b"\r\n+CME ERROR: 50\r\n"


@pytest.mark.parametrize(("profile", "command", "form"), [
    ("EC25", "+QPINC?", '+QPINC: "SC",{0},{1}\r\n+QPINC: "P2",{2},{3}'),
    ("EC25", '+QPINC="P2"', '+QPINC: "P2",{2},{3}'),
    ("SIM7600", "+SPIC", "+SPIC: {0},{1},{2},{3}"),
    ("SARA-R5", "+UPINCNT", "+UPINCNT: {0},{2},{1},{3}"),
    ("ME910", "#PCT", "#PCT: {2}"),  # of what the card asks for
])
def test_makers_counters_agree(profile: str, command: str, form: str, make_bench: MakeBench,
                               make_card: MakeCard) -> None:
    bench = make_bench(profile=profile, sim=make_card(pin="1234", puk="11112222", pin2="5678", puk2="33334444"))
    bench.at('+CPIN="1111"')
    for _ in range(2):
        bench.at('+CPIN="1111"')
    bench.at('+CPIN="00000000","1234"')
    assert bench.at('+CPIN="11112222","1234"') == OK
    bench.at('+CPIN="0000"')
    bench.at('+CLCK="SC",1,"0000"')
    bench.at('+CPWD="P2","0000","1111"')
    bench.at('+CLCK="FD",1,"0000"')
    bench.at('+CLCK="FD",1')  # asks for PIN2 from now on
    lines = bench.at("+CPINR").decode().split("\r\n")
    left = [line.split(",")[1] for line in lines if line.startswith("+CPINR")]
    assert left == ["2", "10", "1", "10"]
    assert bench.at(command) == b"\r\n" + form.format(*left).encode() + b"\r\n" + OK


def test_a_wrong_pin_does_not_lock_a_card_that_is_open(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    bench.at('+CPIN="1234"')
    for _ in range(2):
        assert bench.at('+CPWD="SC","1111","2222"') == b"\r\n+CME ERROR: 16\r\n"
        assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    assert bench.at('+CPWD="SC","1111","2222"') == b"\r\n+CME ERROR: 12\r\n"
    assert bench.at("+CPIN?") == b"\r\n+CPIN: SIM PUK\r\n" + OK


def test_every_facility_and_password_that_is_listed_is_there(bench: Bench) -> None:
    assert bench.at("+CPWD=?") == b'\r\n+CPWD: ("SC",8),("P2",8),("PS",8)\r\n' + OK
    for facility in ("SC", "FD", "PS"):
        assert bench.at(f'+CLCK="{facility}",2') == b"\r\n+CLCK: 0\r\n" + OK
    assert bench.at('+CPWD="PS","1234","4321"') == b"\r\n+CME ERROR: 3\r\n"  # every card is served
    bench.at('+CLCK="PS",1,"1234"')
    assert bench.at('+CPWD="PS","1111","4321"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CPWD="PS","1234","4321"') == OK
    assert bench.at('+CLCK="PS",0,"1234"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CLCK="PS",0,"4321"') == OK
    bench.at('+CLCK="SC",1,"0000"')
    assert bench.at('+CPWD="SC","0000","1234"') == OK
    assert bench.at('+CPWD="P2","0000","1234"') == OK
    assert bench.at('+CPWD="FD","0000","1234"') == b"\r\n+CME ERROR: 4\r\n"


# -- identity, start and REFRESH --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("profile", "command", "form"), [
    ("BG96", "+QCCID", "+QCCID: {}F"), ("EC25", "+CCID", "+CCID: {}F"), ("SIM7600", "+CICCID", "+ICCID: {}F"),
    ("SIM7080G", "+CCID", "{}"), ("SARA-R4", "+CCID", "+CCID: {}"), ("SARA-R5", "+CCID?", "+CCID: {}"),
    ("ME910", "#CCID", "#CCID: {}"),
])
def test_every_maker_tells_the_iccid_that_the_card_tells(profile: str, command: str, form: str, make_bench: MakeBench,
                                                         make_card: MakeCard) -> None:
    bench = make_bench(profile=profile, sim=make_card())
    card = bench.modem.slot.card
    assert card is not None
    card.tell_iccid("8910392000000000001")
    assert bench.at(command) == b"\r\n" + form.format(card.iccid).encode() + b"\r\n" + OK
    assert bench.at("+CRSM=176,12258,0,0,10") == b'\r\n+CRSM: 144,0,"980193020000000000F1"\r\n' + OK
    bench.modem.remove_sim()
    bench.heard()
    assert bench.at(command) == b"\r\n+CME ERROR: 10\r\n"


def test_a_refresh_does_not_ask_for_the_pin_again(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    bench.at('+CPIN="1234"')
    bench.wait("5s")
    bench.modem.switch_imsi("234500000000001")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 14\r\n"
    said = bench.wait("10s")
    assert b"\r\n+CPIN: READY\r\n" in said
    assert b"\r\n+QUSIM: 1\r\n" in said
    assert bench.at("+CIMI") == b"\r\n234500000000001\r\n" + OK
    assert bench.at("+CEREG?") == b"\r\n+CEREG: 0,5\r\n" + OK
    assert bench.at("+CRSM=176,28423,0,0,9") == b'\r\n+CRSM: 144,0,"082943050000000010"\r\n' + OK


@pytest.mark.parametrize(("profile", "words"), [
    ("BG96", (b"+QIND: SMS DONE",)), ("EC25", (b"+QIND: SMS DONE", b"+QIND: PB DONE")),
    ("SIM7600", (b"SMS DONE", b"PB DONE")), ("SIM7080G", (b"SMS Ready",)),
])
def test_messages_and_phone_book_are_ready_when_the_pin_was_given(
        profile: str, words: tuple[bytes, ...], make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(profile=profile, sim=make_card(pin="1234"), boot=False)
    bench.modem.power_on()
    said = bench.wait("20s")
    assert b"+CPIN: SIM PIN" in said
    assert not any(word in said for word in words)
    bench.at('+CPIN="1234"')
    said = bench.wait("20s")
    assert [said.count(b"\r\n" + word + b"\r\n") for word in words] == [1] * len(words)
    bench.at('D**05*12345678*1111*1111#')
    assert bench.wait("20s") == b""  # it was open before
    open_card = make_bench(profile=profile, sim=make_card(), boot=False)
    open_card.modem.power_on()
    said = open_card.wait("20s")
    assert [said.count(b"\r\n" + word + b"\r\n") for word in words] == [1] * len(words)


def test_how_far_the_card_has_come(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(profile="EC25", sim=make_card(pin="1234"))
    assert bench.at("+QINISTAT") == b"\r\n+QINISTAT: 0\r\n" + OK
    bench.at('+CPIN="1234"')
    assert b"\r\n+QINISTAT: 1\r\n" in bench.at("+QINISTAT")
    bench.wait("10s")
    assert bench.at("+QINISTAT") == b"\r\n+QINISTAT: 7\r\n" + OK
    assert make_bench(sim=make_card()).at("+QINISTAT") == b"\r\n+QINISTAT: 3\r\n" + OK
    assert make_bench(sim=None).at("+QINISTAT") == b"\r\n+QINISTAT: 0\r\n" + OK
