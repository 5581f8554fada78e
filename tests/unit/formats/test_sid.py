"""Resource identifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SidError
from harness.formats.sid import PREFIXES, check_sid, is_sid, make_sid

HEX = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)


@given(st.sampled_from(sorted(PREFIXES)), HEX)
def test_what_is_made_is_recognised(prefix: str, digits: str) -> None:
    sid = make_sid(prefix, digits)
    assert is_sid(sid, prefix)
    assert check_sid(sid) == check_sid(sid, "KA", prefix) == sid
    assert sid[2:] == digits.lower()


def test_the_prefixes_of_the_published_specifications_are_known() -> None:
    assert set("AC HS HF HA HW HC HG HP HB OB DE DC WP KA UV".split()) <= set(PREFIXES)  # noqa: SIM905


@given(st.text())
def test_any_text_is_either_an_identifier_or_refused(text: str) -> None:
    if any(is_sid(text, prefix) for prefix in PREFIXES):
        assert check_sid(text) == text
    else:
        with pytest.raises(SidError):
            check_sid(text)


@pytest.mark.parametrize(
    "text",
    ["", "HS", "HS" + 31 * "0", "HS" + 33 * "0", "HF" + 32 * "0", "hs" + 32 * "0", "HS" + 31 * "0" + "g",
     "HS" + 32 * "0" + "\n", "HS" + 32 * "٣"],
)  # fmt: skip
def test_near_misses_are_refused(text: str) -> None:
    with pytest.raises(SidError, match=r"expected HS \(Super SIM Sim\) and 32 hexadecimal digits$"):
        check_sid(text, "HS")


def test_long_text_is_not_repeated_in_full() -> None:
    with pytest.raises(SidError) as caught:
        check_sid("x" * 100_000, "UV")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("prefix", "digits"), [("XX", 32 * "0"), ("HS", 31 * "0"), ("HS", 32 * "x"), ("", 32 * "0")])
def test_identifiers_are_made_of_known_prefixes_and_32_digits(prefix: str, digits: str) -> None:
    with pytest.raises(SidError):
        make_sid(prefix, digits)
