"""What commands take: at once, as modules do, or as long as their makers allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.clock import to_ns
from harness.drivers.modem import DIALECTS
from harness.errors import UsageError
from harness.virtual.modem.profile import load_profile, profile_names
from harness.virtual.modem.timings import LONGEST, PACES, TYPICAL

if TYPE_CHECKING:
    Bench = Any
    Make = Callable[..., Bench]

OK = b"\r\nOK\r\n"
STAGES = {"plain", "boot", "sim", "ready", "scan", "socket", "power-down", "acknowledgement"}


@pytest.fixture
def make(make_bench: Make, make_card: Callable[..., Any]) -> Make:
    def of(pace: str, profile: str = "BG96") -> Bench:
        bench = make_bench(profile=profile, sim=make_card(), pace=pace, boot=False)
        bench.modem.power_on()
        bench.wait("60s")
        bench.at("E0", wait="1s")
        bench.at("+CMEE=1", wait="1s")
        return bench

    return of


def _known(modem: Any, key: str) -> bool:
    return key in STAGES or modem.commands.get(key.rstrip("=?")) is not None


@pytest.mark.parametrize("name", profile_names())
def test_every_time_is_that_of_a_command_or_a_stage(name: str, make_bench: Make) -> None:
    profile = load_profile(name)
    modem = make_bench(profile=name, boot=False).modem
    for table in (profile.typical, profile.longest):
        assert table
        assert [key for key in table if not _known(modem, key)] == []
    assert [key for key in (*TYPICAL, *LONGEST) if not _known(modem, key)] == []
    typical = {**TYPICAL, **profile.typical}
    longest = {**LONGEST, **profile.longest}
    assert {key: (typical[key], longest[key]) for key in typical.keys() & longest.keys()
            if typical[key] > longest[key]} == {}


@pytest.mark.parametrize("name", profile_names())
def test_the_driver_waits_for_the_slowest(name: str) -> None:
    profile = load_profile(name)
    (dialect,) = (one for one in DIALECTS.values() if name.lower() in one.modules)
    longest = {key: span for key, span in {**LONGEST, **profile.longest}.items() if key.rstrip("=?") not in STAGES}
    for key, span in longest.items():
        assert to_ns(dialect.timeout_for(f"AT{key}")) >= span, key
    assert to_ns(dialect.timeout) >= LONGEST["plain"]
    assert to_ns(dialect.timeout_for("AT+COPS=?")) >= LONGEST["scan"]


def test_typical(make: Make) -> None:
    bench = make("typical")
    assert bench.at("+CSQ") == b""
    assert bench.wait("5ms").endswith(OK)
    assert bench.at("+CFUN?", wait="5ms").endswith(OK)
    assert bench.at("+CFUN=4", wait="599ms") == b""
    assert bench.wait("1ms") == OK
    bench.at("+CFUN=1", wait="10s")
    bench.at("+CMGF=1", wait="5ms")
    assert bench.at('+CMGS="000"') == b"\r\n> "
    assert bench.type(b"text\x1a") == b""
    assert bench.wait("999ms") == b""  # the network needs longer than the module
    assert bench.wait("1ms") == b"\r\n+CMGS: 0\r\n" + OK


def test_longest(make: Make) -> None:
    bench = make("longest")
    bench.at("+CMGF=1", wait="300ms")
    bench.at('+CMGS="000"')
    assert bench.type(b"text\x1a") + bench.wait("119999ms") == b""
    assert bench.wait("1ms") == b"\r\n+CMGS: 0\r\n" + OK
    assert bench.at("+COPS=?", wait="179s") == b""
    assert bench.wait("1s").endswith(OK)
    assert bench.at("+CPIN?", wait="4s") == b""
    assert bench.wait("1s") == b"\r\n+CPIN: READY\r\n" + OK


def test_a_slow_command_can_still_be_aborted(make: Make) -> None:
    bench = make("longest")
    assert bench.at("+COPS=0", wait="10s") == b""
    assert bench.type(b"x") == OK
    assert bench.wait("400s") == b""
    assert bench.at("", wait="0s") == OK


def test_the_card_is_late_and_the_last_word_of_the_boot_sequence_later(make_bench: Make,
                                                                       make_card: Callable[..., Any]) -> None:
    when: dict[str, list[int]] = {}
    for pace in PACES:
        bench = make_bench(sim=make_card(), pace=pace, boot=False)
        bench.modem.power_on()
        times: list[int] = []
        for word in (b"RDY\r\n", b"+CPIN: READY\r\n", b"SMS DONE\r\n"):
            said = b""
            while word not in said:
                said += bench.wait("100ms")
            times.append(bench.world.now())
        when[pace] = times
    assert when["quick"] < when["typical"] < when["longest"]
    assert when["typical"][0] == to_ns("2s")
    assert when["longest"][1] - when["longest"][0] >= to_ns("5s")
    assert when["longest"][2] - when["longest"][1] >= to_ns("10s")


def test_sockets_take_their_time(make: Make) -> None:
    bench = make("typical")
    bench.at('+QICSGP=1,1,"super","","",0', wait="1s")
    assert bench.at("+QIACT=1", wait="899ms") == b""
    assert bench.wait("1ms") == OK
    assert bench.at('+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,3000,0', wait="149ms") == OK
    assert bench.wait("1ms") == b"\r\n+QIOPEN: 0,0\r\n"


def test_no_such_pace(make_bench: Make) -> None:
    with pytest.raises(UsageError, match="quick, typical, longest"):
        make_bench(pace="slow")
