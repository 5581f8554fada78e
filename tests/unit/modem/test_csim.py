"""Raw access to the SIM card, as smart-card programs use it over AT+CSIM."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    assert transmit(bench, "0020000100") == "63C3"  # PIN1 is not concerned
    assert transmit(bench, "A02000020830303030FFFFFFFF") == "9000"
    assert transmit(bench, fixed) == "9000"
    assert transmit(bench, "002400811030303030FFFFFFFF35363738FFFFFFFF") == "9000"  # CHANGE
    for _ in range(3):
        transmit(bench, "00200081" + "0839393939FFFFFFFF")
    assert transmit(bench, "0020008100") == "6983"
    assert transmit(bench, "002C0081103132333435363738" + "35363738FFFFFFFF") == "9000"  # UNBLOCK
    assert transmit(bench, "0020008100") == "63C3"
    assert transmit(bench, "002C008100") == "63CA"
    assert transmit(bench, "0026008108" + "35363738FFFFFFFF") == "6D00"  # it can't be switched off


# -- files of a UICC --------------------------------------------------------------------------------------------------

AID = "A0000000871002"


def test_selecting(bench: Bench) -> None:
    """By identifier, application, path from the master file and from here, and to the folder above."""
    for apdu, tag in {
        "00A40004023F00": "83023F00", f"00A4040407{AID}": "8410A0000000871002FFFFFFFF8903020000",
        "00A40904026F07": "83026F07", "00A40804047FFF6F07": "83026F07", "00A40804022FE2": "83022FE2",
        "00A40804067F105F3A4F30": "83024F30",
        "00A40804027F10": "83027F10", "00A40104025F3A": "83025F3A", "00A4030400": "83027F10",
    }.items():
        status = transmit(bench, apdu)
        assert status[:2] == "61", apdu
        template = transmit(bench, f"00C00000{status[2:]}")
        assert template.startswith("62")
        assert tag in template, apdu
        assert transmit(bench, "00C0000010") == "6986"  # fetched once
    assert transmit(bench, "00A4000C023F00") == "9000"  # no data wanted
    assert transmit(bench, "00A4000C") == "9000"
    for apdu, said in {"00A4040407A0000005591010": "6A82", "00A40804047F106F07": "6A82", "00A4080403": "6700",
                       "00A4080403AABBCC": "6A82", "00A4070402" "3F00": "6B00", "00A40104022FE2": "6A82",
                       "00A4030400": "6A82", "00A40004046F076F07": "6A82", "00A4090402" "6FFF": "6A82"}.items():
        assert transmit(bench, apdu) == said, apdu


def test_lengths(bench: Bench) -> None:
    transmit(bench, "00A40004026F07")
    assert transmit(bench, "00C00000FF")[:2] == "6C"
    assert transmit(bench, "00B0000020") == "6C09"
    assert transmit(bench, "00B0000320") == "6C06"
    assert len(transmit(bench, "00B0000000")) == 22
    assert transmit(bench, "00B0000901") == "6B00"
    assert transmit(bench, "00B2010409") == "6981"  # it has no records
    transmit(bench, "A0A40000026F07")
    assert transmit(bench, "A0C0000020") == "670F"
    assert transmit(bench, "A0B0000020") == "6700"
    assert transmit(bench, "00D6000009" + "00" * 9) == "6982"  # it may not be written


def test_short_identifiers(bench: Bench) -> None:
    assert transmit(bench, "00B082000A") == "98880307000000000071" + "9000"  # EF_ICCID of the master file
    assert transmit(bench, "00B0870009") == "6A82"  # the IMSI is not there
    transmit(bench, f"00A4040C07{AID}")
    assert transmit(bench, "00B0870009").endswith("9000")
    assert transmit(bench, "00B2010C04") == "FFFFFFFF9000"  # EF_ECC
    assert "880138" in transmit(bench, "00A40004026F07") + transmit(bench, "00C0000000")


def test_records(bench: Bench) -> None:
    transmit(bench, "00A4000C026F3A")
    for index, name in ((1, "416E6E"), (2, "426F62"), (3, "416E6E")):
        record = name + "FF" * 11 + "0381" + "2143" + "FF" * 10
        assert transmit(bench, f"00DC0{index}041C{record}") == "9000"
    transmit(bench, "00A4000C026F3A")
    read = [transmit(bench, f"00B200{mode}1C")[:6] for mode in ("02", "02", "03", "04")]
    assert read == ["416E6E", "426F62", "416E6E", "416E6E"]
    assert transmit(bench, "00B200031C") == "6A83"  # nothing before the first
    transmit(bench, "00A4000C026F3A")
    assert transmit(bench, "00B200041C") == "6A83"  # no record is the current one
    assert transmit(bench, "00B200031C")[:6] == "FFFFFF"  # the last
    assert transmit(bench, "00B200021C") == "6A83"
    assert transmit(bench, "00B201041D") == "6C1C"
    assert transmit(bench, "00B233041C") == "6A83"
    assert transmit(bench, "00B201051C") == "6B00"
    assert transmit(bench, "00A2010403416E6E") == "6102"
    assert transmit(bench, "00C0000002") == "01039000"
    assert transmit(bench, "00A2020403416E6E") == "6101"
    assert transmit(bench, "00A2010403435858") == "6A83"
    assert bench.at('+CPBF="Bob"').startswith(b'\r\n+CPBF: 2,"1234",129,"Bob"')


def test_status(bench: Bench) -> None:
    assert transmit(bench, "80F2000000").startswith("62")
    transmit(bench, f"00A4040C07{AID}")
    assert AID in transmit(bench, "80F2000000")
    assert transmit(bench, "80F20000FF")[:2] == "6C"
    transmit(bench, "A0A40000023F00")
    status = transmit(bench, "A0F2000016")
    assert (status[8:12], status[12:14], status[-4:]) == ("3F00", "01", "9000")
    assert transmit(bench, "8010000002FFFF") == "9000"  # TERMINAL PROFILE


def test_pin_states(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    right, wrong = "0831323334FFFFFFFF", "0839393939FFFFFFFF"
    assert transmit(bench, "00200001" + right) == "9000"
    assert transmit(bench, "00200001" + wrong) == "63C2"  # even if it was given before
    assert bench.at("+CPIN?").startswith(b"\r\n+CPIN: READY")
    assert transmit(bench, "0020000100") == "63C2"
    assert transmit(bench, "00280001" + right) == "6984"  # it is on
    assert transmit(bench, "00260001" + right) == "9000"
    assert transmit(bench, "00260001" + right) == "6984"  # it is off
    assert transmit(bench, "A0260001" + right) == "9808"
    assert transmit(bench, "A0200001" + right) == "9808"
    assert transmit(bench, "0024000110" + right[2:] + right[2:]) == "6984"
    assert bench.at('+CLCK="SC",2').startswith(b"\r\n+CLCK: 0")
    assert transmit(bench, "00280001" + right) == "9000"
    for left in ("63C2", "63C1", "6983"):
        assert transmit(bench, "00200001" + wrong) == left
    assert bench.at("+CPIN?").startswith(b"\r\n+CPIN: SIM PUK")
    assert transmit(bench, "002C000110" + b"00000000".hex() + right[2:]) == "63C9"
    assert transmit(bench, "002C000110" + b"12345678".hex() + right[2:]) == "9000"
    assert bench.at("+CPIN?").startswith(b"\r\n+CPIN: READY")
    assert transmit(bench, "0020000508") == "6A88"  # no such PIN
    assert transmit(bench, "0088008110" + "00" * 16) == "9862"  # no keys to answer the network with
    bench.wait("5s")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 0,5")


# -- logical channels -------------------------------------------------------------------------------------------------


def test_channels_by_class(bench: Bench) -> None:
    transmit(bench, "00A4000C022FE2")
    assert transmit(bench, "0070000001") == "019000"
    assert transmit(bench, f"01A4040C07{AID}") == "9000"
    assert transmit(bench, "01A4000C026F07") == "9000"
    assert transmit(bench, "01B0000009").endswith("9000")
    assert transmit(bench, "00B000000A") == "98880307000000000071" + "9000"  # the basic channel is where it was
    assert [transmit(bench, "0070000001") for _ in range(3)] == ["029000", "039000", "6A81"]
    assert transmit(bench, "0070800200") == "9000"
    assert transmit(bench, "02B0000009") == transmit(bench, "0070800200") == "6881"
    assert transmit(bench, "0070000001") == "029000"
    assert transmit(bench, "0070400000") == "6A86"


def test_channels_by_command(bench: Bench) -> None:
    assert bench.at(f'+CCHO="{AID}"') == b"\r\n+CCHO: 1\r\n\r\nOK\r\n"
    assert bench.at('+CGLA=1,14,"00A40004026F07"').startswith(b'\r\n+CGLA: 4,"61')
    assert bench.at('+CGLA=1,10,"00B0000009"').endswith(b'9000"\r\n\r\nOK\r\n')
    assert bench.at('+CGLA=1,10,"01B0000009"').endswith(b'9000"\r\n\r\nOK\r\n')
    assert bench.at('+CGLA=2,10,"00B0000009"') == b"\r\n+CME ERROR: 21\r\n"
    assert bench.at('+CGLA=1,9,"00B0000009"') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.at('+CCHO="A0000005591010FFFFFFFF8900000100"') == b"\r\n+CME ERROR: 22\r\n"  # of an eUICC
    assert bench.at('+CCHO="x"') == b"\r\n+CME ERROR: 50\r\n"
    for number in (2, 3):
        assert bench.at(f'+CCHO="{AID}"') == f"\r\n+CCHO: {number}\r\n\r\nOK\r\n".encode()
    assert bench.at(f'+CCHO="{AID}"') == b"\r\n+CME ERROR: 20\r\n"
    assert bench.at("+CCHC=1") == b"\r\nOK\r\n"
    assert bench.at("+CCHC=1") == b"\r\n+CME ERROR: 21\r\n"
    bench.modem.reboot()
    bench.wait("10s")
    bench.at("E0+CMEE=1")
    assert bench.at("+CCHC=2") == b"\r\n+CME ERROR: 21\r\n"
    bench.modem.remove_sim()
    bench.heard()
    assert bench.at(f'+CCHO="{AID}"') == b"\r\n+CME ERROR: 10\r\n"


CLASSES = st.sampled_from([0x00, 0x01, 0x80, 0xA0, 0xFF])
INSTRUCTIONS = st.sampled_from([0xA4, 0xB0, 0xB2, 0xC0, 0xD6, 0xDC, 0xF2, 0x20, 0x24, 0x26, 0x28, 0x2C, 0xA2, 0x70,
                                0x88])
DATA = st.binary(max_size=40) | st.sampled_from([bytes.fromhex(one) for one in (
    "3F00", "2FE2", "7FFF", "6F07", "6F3A", "6F3B", "6F3C", "7F105F3A", "7FFF6F07", AID, "31323334FFFFFFFF")])
APDUS = st.binary(min_size=4, max_size=60) | st.builds(
    lambda head, p1, p2, length, data: bytes((*head, p1, p2, len(data) if length is None else length)) + data,
    st.tuples(CLASSES, INSTRUCTIONS), st.integers(0, 255), st.integers(0, 255), st.none() | st.integers(0, 255), DATA)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(APDUS, max_size=20))
def test_every_command_has_status_words(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard],
                                        apdus: list[bytes]) -> None:
    bench = make_bench(sim=make_card(pin="1234"))
    for apdu in apdus:
        answer = transmit(bench, apdu.hex().upper())
        assert len(answer) >= 4
        assert answer[-4] in "69", answer


@pytest.mark.parametrize(("file", "rule"), [
    ("2FE2", "8001019000" "8001029700"),  # read always, updated never
    ("6F07", "800101A406830101950108" "8001029700"),
    ("6F7B", "800101A406830101950108" "800102A406830101950108"),
    ("6F3B", "800101A406830101950108" "800102A406830181950108"),  # updated with PIN2
])
def test_files_refer_to_their_access_rules(bench: Bench, file: str, rule: str) -> None:
    transmit(bench, f"00A4000402{file}")
    template = bytes.fromhex(transmit(bench, "00C0000000"))
    reference = template.index(b"\x8b\x03")
    rules, record = template[reference + 2:reference + 4].hex(), template[reference + 4]
    transmit(bench, f"00A4000C02{rules}")
    assert transmit(bench, f"00B2{record:02X}0416") == rule.ljust(44, "F") + "9000"
