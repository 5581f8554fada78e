"""Boot banner, power-off, brown-out: what is said, what is kept, what the network sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.world import World

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
BANNER = (b"\r\nRDY\r\n\r\n+CFUN: 1\r\n\r\nAPP RDY\r\n\r\n+CPIN: READY\r\n\r\n+QUSIM: 1\r\n"
          b"\r\n+QIND: SMS DONE\r\n")


def test_boot_sequence_and_its_times(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(), boot=False)
    bench.modem.power_on()
    assert bench.wait("0s") == b"\r\nRDY\r\n"
    assert bench.wait("900ms") == b"\r\n+CFUN: 1\r\n\r\nAPP RDY\r\n"
    assert bench.wait("10s") == BANNER.partition(b"APP RDY\r\n")[2]
    assert bench.events() == ["powered_on", "registered"]
    registered = bench.world.journal.last("registered")
    assert registered is not None
    assert registered.data == {"status": 5, "plmn": "310410", "act": 8}


def test_power_down_by_command(bench: Bench) -> None:
    assert bench.at("+QPOWD=1", wait="1s") == OK + b"\r\nPOWERED DOWN\r\n"
    assert bench.carrier.calls[-1] == "detach"
    assert bench.at("", wait="5s") == b""
    bench.modem.power_on()
    assert bench.wait("10s") == BANNER


def test_a_brown_out_is_silent_and_settings_are_gone_unless_stored(bench: Bench) -> None:
    bench.at("+CNMI=2,2,0,0,0;&W")
    bench.at("+CMGF=1;+CNMI=1,1,0,0,0")
    bench.modem.power_off()
    assert bench.heard() == b""
    bench.modem.power_on()
    assert bench.wait("10s") == BANNER
    assert bench.at("+CNMI?;+CMGF?") == b"\r\n+CNMI: 2,2,0,0,0\r\n\r\n+CMGF: 0\r\n" + OK


def test_a_reset_in_the_prompt_sends_nothing(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == b"\r\n> "
    bench.type(b"half")
    bench.modem.reboot()
    assert bench.wait("10s") == BANNER
    bench.type(b"\x1a")
    assert bench.at("", wait="5s") == b"AT\r" + OK
    assert bench.carrier.submitted == []


def test_the_late_end_of_a_command_from_before_the_reset_is_not_heard(bench: Bench) -> None:
    bench.at("+CMGF=1")
    bench.at('+CMGS="000"')
    bench.type(b"text\x1a")
    bench.modem.reboot()
    assert bench.wait("10s") == BANNER


def test_messages_outlive_power_off(bench: Bench) -> None:
    bench.at("+CMGF=1")
    bench.at('+CMGW="000"')
    bench.type(b"kept\x1a")
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0")
    assert bench.at("+CMGF=1;+CMGR=0") == b'\r\n+CMGR: "STO UNSENT","000",\r\nkept\r\n' + OK


def test_power_on_and_off_twice_and_close(bench: Bench) -> None:
    bench.modem.power_on()
    bench.modem.close()
    bench.modem.close()
    bench.modem.power_off()
    assert bench.events("powered_on", "powered_off") == ["powered_on", "powered_off"]


@pytest.mark.parametrize(("arguments", "rule"), [
    ({"imei": "123"}, "15 digits"), ({"imei": "866425030000000"}, "check digit"), ({"time_scale": -1.0}, "negative"),
    ({"profile": "X"}, "no modem profile"),
])
def test_wrong_arguments(bench: Bench, arguments: dict[str, object], rule: str) -> None:
    with pytest.raises(UsageError, match=rule):
        VirtualModem(World(), bench.carrier, name="m", **arguments)  # type: ignore[arg-type]


def test_equal_runs_write_equal_journals(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    digests = []
    for _ in range(2):
        bench = make_bench(sim=make_card())
        bench.at("+CMGF=1")
        bench.at('+CMGS="000"')
        bench.type(b"text\x1a")
        bench.wait("5s")
        bench.modem.close()
        digests.append(bench.world.journal.digest())
    assert digests[0] == digests[1]


def test_a_cut_of_the_power_says_nothing_of_the_service_that_goes(bench: Bench) -> None:
    bench.at("+CREG=1;+CEREG=2;+CGEREP=2,1")
    bench.at('+QICSGP=1,1,"super"')
    bench.at("+QIACT=1", wait="1s")
    bench.modem.power_off()
    assert bench.wait("5s") == b""


def test_a_module_switched_on_and_off_quickly_starts_its_card_once(bench: Bench) -> None:
    assert bench.type(b"AT+CFUN=0\rAT+CFUN=1\rAT+CFUN=0\rAT+CFUN=1\r") == OK * 4
    assert bench.wait("10s") == BANNER.partition(b"APP RDY\r\n")[2]
    bench.at("+CFUN=0")
    bench.at("+CFUN=1")
    bench.wait("200ms")
    assert bench.at("+CFUN=0", wait="10s") == OK
    assert bench.events().count("registered") == 2


def test_a_card_exchanged_during_the_boot_is_started_once(make_bench: Callable[..., Bench],
                                                          make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(), boot=False)
    bench.modem.power_on()
    bench.wait("100ms")
    card = bench.modem.remove_sim()
    assert card is not None
    bench.modem.insert_sim(card)
    assert bench.wait("10s").count(b"+CPIN: READY") == 1
