"""Raw access to the SIM card, as smart-card programs use it over AT+CSIM."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.virtual.modem import SimCard

if TYPE_CHECKING:
    Bench = Any


def transmit(bench: Bench, apdu: str) -> str:
    said: str = bench.at(f'+CSIM={len(apdu)},"{apdu}"').decode()
    head, _, rest = said.partition('+CSIM: ')
    assert head == "\r\n", said
    length, _, text = rest.partition(',"')
    answer = text.partition('"')[0]
    assert int(length) == len(answer)
    return answer


def test_the_iccid_by_a_gsm_reader(bench: Bench) -> None:
    assert transmit(bench, "A0A40000023F00") == "9F16"
    assert transmit(bench, "A0A40000022FE2") == "9F0F"
    response = transmit(bench, "A0C000000F")
    assert response.endswith("9000")
    assert int(response[4:8], 16) == 10
    assert transmit(bench, "A0B000000A") == "98880307000000000071" + "9000"


def test_the_imsi_by_a_usim_reader(bench: Bench) -> None:
    status = transmit(bench, "00A40004026F07")
    assert status[:2] == "61"
    template = transmit(bench, f"00C00000{status[2:]}")
    assert template.startswith("62")
    assert "83026F07" in template
    assert transmit(bench, "00B0000009").endswith("9000")


def test_records_and_updates(bench: Bench) -> None:
    transmit(bench, "A0A40000026F40")
    assert transmit(bench, "A0B201041C").endswith("9000")
    assert transmit(bench, "A0B209041C") == "9402"
    transmit(bench, "A0A40000026F7B")
    assert transmit(bench, "A0D600000C" + "FF" * 12) == "9000"
    assert transmit(bench, "A0B000000C") == "FF" * 12 + "9000"


def test_what_is_refused(bench: Bench) -> None:
    assert transmit(bench, "A0A40000021234") == "9404"
    assert transmit(bench, "00A40004021234") == "6A82"
    assert transmit(bench, "80CA000000") == "6E00"
    assert transmit(bench, "A0FF000000") == "9400"
    assert transmit(bench, "A0C0000005") == "9400"
    for wrong in ('7,"A0A4000"', '10,"A0A40000"', '8,"zzzzzzzz"', '4,"A0A4"', '14'):
        assert bench.at(f"+CSIM={wrong}").startswith(b"\r\n+CME ERROR: 50"), wrong


def test_a_pin_is_verified_and_counted(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    transmit(bench, "A0A40000026F07")
    assert transmit(bench, "A0B0000009") == "9804"
    assert transmit(bench, "0020000108" + b"9999".hex() + "FF" * 4) == "63C2"
    assert transmit(bench, "A020000108" + b"1234".hex() + "FF" * 4) == "9000"
    assert bench.at("+CPIN?").startswith(b"\r\n+CPIN: READY")
    transmit(bench, "A0A40000026F07")
    assert transmit(bench, "A0B0000009").endswith("9000")


def test_power_forgets_what_was_selected(bench: Bench) -> None:
    transmit(bench, "A0A40000022FE2")
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    assert transmit(bench, "A0B000000A") == "9400"


@pytest.mark.parametrize("apdu", ["00000000", "A0A4000000", "A0B0FFFFFF", "00A4000402", "A0D6000005AA", "A0200001FF"])
def test_odd_commands_have_an_answer(bench: Bench, apdu: str) -> None:
    assert len(transmit(bench, apdu)) >= 4


def test_pin2_has_tries_of_its_own(bench: Bench) -> None:
    fixed = "A0DC01041C" + "FF" * 28
    transmit(bench, "A0A40000026F3B")
    assert transmit(bench, fixed) == "9804"
    assert transmit(bench, "A02000020839393939FFFFFFFF") == "9804"  # VERIFY of a wrong one
    assert transmit(bench, "0020008100") == "63C2"  # two are left
    assert transmit(bench, "0020000100") == "9000"  # PIN1 is not concerned
    assert transmit(bench, "A02000020830303030FFFFFFFF") == "9000"
    assert transmit(bench, fixed) == "9000"
    assert transmit(bench, "002400811030303030FFFFFFFF35363738FFFFFFFF") == "9000"  # CHANGE
    for _ in range(3):
        transmit(bench, "00200081" + "0839393939FFFFFFFF")
    assert transmit(bench, "0020008100") == "6983"
    assert transmit(bench, "002C0081103132333435363738" + "35363738FFFFFFFF") == "9000"  # UNBLOCK
    assert transmit(bench, "0020008100") == "9000"
