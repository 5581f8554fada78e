"""Names in the files of a SIM card: the GSM alphabet, and the three forms of UCS2."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CardFileError
from harness.formats.sim import alpha, alpha_octets, decode_alpha, dialling, encode_alpha

NAMES = st.text(st.characters(exclude_characters="\uffff", exclude_categories=["Cs"]), max_size=40)
PAGES = (st.integers(0, 0xD700) | st.integers(0xE000, 0xFF00)).flatmap(lambda base: st.text(st.characters(
    min_codepoint=base, max_codepoint=base + 0xA0, exclude_categories=["Cs"]) | st.sampled_from("abc 1"), max_size=12))


def test_the_examples_of_the_documentation() -> None:
    for module in (alpha, dialling):
        assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(("field", "text"), [
    ("8103135395A6FFFF", "S\u0995\u09a6"),  # the two examples of ETSI TS 102 221 annex A, as far as it gives them
    ("820505302D82D32D31", "-\u0532\u0583-1"),
    ("80041F04400438", "При"),
    ("5A6F65FFFF", "Zoe"),
    ("", ""),
    ("FFFFFF", ""),
    ("80FFFFFF", ""),
    ("81", ""),
    ("820105", ""),
    ("1B65", "€"),
    ("417F", "Aà"),
    ("41C0FF", "A\ufffd"),
    ("8103FF80FFFF", "\u7f80\u7fff\u7fff"),
    ("8201FFFFFF", "\ufffd"),
])
def test_fields(field: str, text: str) -> None:
    assert decode_alpha(bytes.fromhex(field)) == text


@pytest.mark.parametrize(("text", "octets"), [
    ("Zoë", "8103015A6FEB"),  # ë is in no GSM table
    ("Анна", "81040890BDBDB0"),
    ("日本", "8065E5672C"),  # too far apart for one base
    ("ĀĄĆ", "810302808486"),
    ("\u03fe\u0401", "8003FE0401"),  # as short as with a base: the first form that is
    ("\u03fe\u0401\u0402\u0403", "820403FE80838485"),
    ("€", "1B65"),
    ("€Я", "8020AC042F"),
])
def test_the_shortest_form_is_taken(text: str, octets: str) -> None:
    assert alpha_octets(text).hex().upper() == octets


@given(NAMES | PAGES, st.integers(0, 20))
def test_names_survive(text: str, filler: int) -> None:
    octets = alpha_octets(text)
    assert len(octets) <= 1 + len(text.encode("utf-16-be"))
    assert decode_alpha(octets) == decode_alpha(encode_alpha(text, len(octets) + filler)) == text
    if octets:
        with pytest.raises(CardFileError, match=r"has \d+ for it"):
            encode_alpha(text, len(octets) - 1)


@given(st.binary(max_size=60))
def test_every_field_has_a_name(field: bytes) -> None:
    assert isinstance(decode_alpha(field), str)


def test_what_stands_for_unused_is_no_character() -> None:
    with pytest.raises(CardFileError, match=r"no U\+FFFF"):
        alpha_octets("\uffff")
