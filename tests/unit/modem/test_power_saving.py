"""Power saving mode and eDRX: what the client sees, what the network sees, and what comes back afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import to_ns
from harness.formats.sms import Deliver
from harness.virtual.modem import load_profile, profile_names
from harness.virtual.modem.power_saving import active_time, edrx_cycle, periodic_update
from harness.virtual.network.seams import Datagram, SmsAccepted, SmsOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.virtual.modem import SimCard

    Bench = Any

OK = b"\r\nOK\r\n"
LOW_POWER = [name for name in profile_names() if name in ("BG95", "BG96", "SIM7080G", "SARA-R4", "SARA-R5", "ME910")]
PSM = '+CPSMS=1,,,"00000110","00000101"'  # an hour between updates, ten seconds of active time


@pytest.mark.parametrize(("octet", "active", "periodic"), [
    ("00000101", "10s", "50min"), ("00100001", "1min", "1h"), ("01000010", "12min", "20h"), ("01100001", None, "2s"),
    ("10000010", None, "1min"), ("10100011", None, "3min"), ("11000001", None, "320h"), ("11100000", None, None),
])
def test_timers(octet: str, active: str | None, periodic: str | None) -> None:
    assert active_time(octet) == (None if active is None else to_ns(active))
    assert periodic_update(octet) == (None if periodic is None else to_ns(periodic))


def test_cycles() -> None:
    assert edrx_cycle("0000") == to_ns("5.12s")
    assert edrx_cycle("0101") == to_ns("81.92s")
    assert edrx_cycle("1101") == edrx_cycle("1111") == to_ns("2621.44s")


def make(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard], profile: str) -> Bench:
    bench = make_bench(profile=profile, sim=make_card())
    bench.heard()
    return bench


@pytest.mark.parametrize("profile", LOW_POWER)
def test_a_module_nobody_uses_falls_asleep_and_the_power_key_wakes_it(
        profile: str, make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, profile)
    assert bench.at(PSM) == OK
    assert bench.wait("15s") == b""
    assert bench.at("") == OK  # which puts sleep off
    assert bench.wait("15s") == b""
    assert bench.at("") == OK
    bench.wait("25s")
    assert bench.modem.saving.asleep
    assert not bench.modem.powered
    assert bench.at("", wait="10min") == b""  # the port is dead, and nobody serves it
    banner = make_bench(profile=profile, sim=make_card(), boot=False)
    banner.modem.power_on()
    bench.modem.wake()
    assert bench.wait("3s") == banner.wait("3s")  # the words of every start
    assert not bench.modem.saving.asleep
    bench.at("E0")
    assert bench.at("+CPSMS?") == b'\r\n+CPSMS: 1,,,"00000110","00000101"\r\n' + OK  # kept
    bench.wait("40s")
    assert bench.modem.saving.asleep
    assert bench.events("psm_entered", "psm_left") == ["psm_entered", "psm_left", "psm_entered"]


def test_the_update_timer_wakes_it_for_a_while(make_bench: Callable[..., Bench],
                                               make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, "BG96")
    bench.at(PSM)
    bench.wait("30s")
    assert bench.modem.saving.asleep
    said = bench.wait("61min")
    assert said.startswith(b"\r\nRDY\r\n")
    assert bench.modem.saving.asleep  # and again


def test_what_comes_meanwhile_waits(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, "BG96")
    bench.at(PSM)
    bench.wait("30s")
    outcomes: list[SmsOutcome] = []
    tpdu = Deliver.parts_for_text("x", originator="000", reference=1, timestamp=bench.world.calendar())[0].encode()
    bench.modem.sms_deliver(tpdu, outcomes.append)
    bench.wait("1s")
    assert outcomes
    assert not isinstance(outcomes[0], SmsAccepted)  # the network keeps it
    assert bench.carrier.calls[-1] == "detach"


def test_power_saving_off_again(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, "BG96")
    bench.at(PSM)
    assert bench.at("+CPSMS=0") == OK
    bench.wait("10min")
    assert bench.modem.powered


@pytest.mark.parametrize(("profile", "switch", "said"), [
    ("BG96", '+QCFG="psm/urc",1', b"\r\n+QPSMTIMER: 3600,10\r\n"),
    ("SIM7080G", "+CPSMSTATUS=1", b'\r\n+CPSMSTATUS: "ENTER PSM"\r\n'),
    ("SARA-R4", "+UPSMR=1", b"\r\n+UUPSMR: 1\r\n"),
    ("ME910", "#PSMURC=1", b"\r\n#PSMURC: 3600\r\n"),
])
def test_each_maker_tells_of_sleep_in_its_own_words(profile: str, switch: str, said: bytes,
                                                    make_bench: Callable[..., Bench],
                                                    make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, profile)
    assert bench.at(switch) == OK
    bench.at(PSM)
    assert bench.wait("60s") == said


@pytest.mark.parametrize("profile", LOW_POWER)
def test_edrx(profile: str, make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, profile)
    assert bench.at("+CEDRXRDP") == b"\r\n+CEDRXRDP: 0\r\n" + OK
    assert bench.at('+CEDRXS=2,4,"0101"') == OK + b'\r\n+CEDRXP: 4,"0101","0101","0001"\r\n'
    assert bench.at("+CEDRXS?") == b'\r\n+CEDRXS: 4,"0101"\r\n' + OK
    assert bench.at("+CEDRXRDP") == b'\r\n+CEDRXRDP: 4,"0101","0101","0001"\r\n' + OK
    bench.wait("60s")
    heard: list[int] = []
    bench.modem.sockets.arrived = lambda cid, datagram: heard.append(bench.world.now())
    began = bench.world.now()
    bench.modem.datagram_received(1, Datagram(source=("100.64.0.1", 1), destination=("100.64.7.8", 2), payload=b"x"))
    assert heard == []
    cycle = to_ns("81.92s")
    bench.wait(f"{cycle - began % cycle}ns")
    assert heard == [began + cycle - began % cycle]  # at the end of the cycle
    bench.modem.datagram_received(1, Datagram(source=("100.64.0.1", 1), destination=("100.64.7.8", 2), payload=b"y"))
    assert len(heard) == 2  # it still listens after what has just come
    assert bench.at("+CEDRXS=0;+CEDRXRDP") == b"\r\n+CEDRXRDP: 0\r\n" + OK


@pytest.mark.parametrize("profile", profile_names())
def test_power_up_settings_are_the_profiles_and_come_back_after_a_brown_out(
        profile: str, make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, profile)
    factory = {name: bench.modem.profile.defaults[name] for name in ("+CMEE", "+CNMI", "+CPMS")
               if name in bench.modem.profile.defaults}
    bench.at("E0V1+CMEE=2;+CNMI=2,2,0,0,0;+CMGF=1;+CREG=2")
    bench.modem.power_off()
    bench.modem.power_on()
    bench.wait("10s")
    assert bench.at("").startswith(b"AT\r")  # echo is on again
    bench.at("E0")
    for name, value in factory.items():
        assert bench.modem.settings[name] == value, name
    assert bench.at("+CMGF?") == b"\r\n+CMGF: 0\r\n" + OK


@pytest.mark.parametrize("profile", profile_names())
def test_what_was_stored_survives_a_brown_out(profile: str, make_bench: Callable[..., Bench],
                                              make_card: Callable[..., SimCard]) -> None:
    bench = make(make_bench, make_card, profile)
    bench.at("E0")
    assert bench.at("+CMEE=2;+CMGF=1;&W") == OK
    bench.modem.power_off()
    bench.modem.power_on()
    bench.wait("10s")
    assert bench.at("+CMEE?;+CMGF?") == b"\r\n+CMEE: 2\r\n\r\n+CMGF: 1\r\n" + OK
    bench.at("&F")
    assert bench.at("E0+CMEE?").endswith(b"+CMEE: %d\r\n" % bench.modem.profile.defaults["+CMEE"][0] + OK)


def test_echo_and_the_rest_are_profile_data(make_bench: Callable[..., Bench],
                                            make_card: Callable[..., SimCard]) -> None:
    quiet = replace(load_profile("SIM7600"), defaults={"E": (0,), "+CMEE": (1,), "+CNMI": (1, 2, 0, 1, 0), "V": (1,)})
    bench = make_bench(profile=quiet, sim=make_card(), boot=False)
    for _ in range(2):
        bench.modem.power_on()
        bench.wait("10s")
        assert bench.at("+CMEE?;+CNMI?") == b"\r\n+CMEE: 1\r\n\r\n+CNMI: 1,2,0,1,0\r\n" + OK
        bench.at("E1+CMEE=2;+CNMI=2,1,0,0,0")
        bench.modem.power_off()
