"""Command lines: the grammar of V.250 and 27.007, lines that real clients send, and garbage."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import AtSyntaxError
from harness.formats.at import Argument, Command, Form, parse_line


def value(text: str) -> Argument:
    return Argument(text=text, raw=text)


def string(text: str, raw: str | None = None) -> Argument:
    return Argument(text=text, quoted=True, raw=text if raw is None else raw)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AT", []),
        ("at", []),
        ("AT  ", []),
        ("ATZ", ["Z"]),
        ("ATE0V1Q0S0=0", ["E0", "V1", "Q0", "S0=0"]),
        ("ATQ0 V1 E1 S0=0 &C1 &D2", ["Q0", "V1", "E1", "S0=0", "&C1", "&D2"]),
        ("ate0", ["E0"]),
        ("AT&F", ["&F"]),
        ("AT&FE0", ["&F", "E0"]),
        ("ATX4&C1+CMEE=1", ["X4", "&C1", "+CMEE=1"]),
        ("ATE0;+CMEE=1", ["E0", "+CMEE=1"]),
        ("AT+CMEE=1;+CREG=2", ["+CMEE=1", "+CREG=2"]),
        ("AT+COPS=3,2;+COPS?", ["+COPS=3,2", "+COPS?"]),
        ("AT+CMEE=1;E0", ["+CMEE=1", "E0"]),
        ("AT+CPIN?;", ["+CPIN?"]),
        ("AT+CMGF=?", ["+CMGF=?"]),
        ("AT+CMGF = ?", ["+CMGF=?"]),
        ("AT+CMGF =  1", ["+CMGF=1"]),
        ("AT+CNMI=2,1,,2", ["+CNMI=2,1,,2"]),
        ("AT+CGATT=", ["+CGATT="]),
        ("AT+X=,", ["+X=,"]),
        ('AT+CMGS="+4477"', ['+CMGS="+4477"']),
        ('AT+CMGS="+4477",145', ['+CMGS="+4477",145']),
        ('AT+CGDCONT=1,"IP","super"', ['+CGDCONT=1,"IP","super"']),
        ('AT+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6969,1', ['+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6969,1']),
        ('AT+X="a;b,c"', ['+X="a;b,c"']),
        ('AT+X="";+Y', ['+X=""', "+Y"]),
        ("AT+CRSM=176,12258,0,0,10", ["+CRSM=176,12258,0,0,10"]),
        ("AT#SGACT=1,1", ["#SGACT=1,1"]),
        ("AT*PSUTTZ=1", ["*PSUTTZ=1"]),
        ("AT^SYSINFO", ["^SYSINFO"]),
        ("AT$QCRMCALL=1,1", ["$QCRMCALL=1,1"]),
        ("AT%TSIM", ["%TSIM"]),
        ("AT%C1", ["%C1"]),
        ("AT\\Q3&K3", ["\\Q3", "&K3"]),
        ("AT+CSQ\u0020", ["+CSQ"]),
        ("ATI", ["I"]),
        ("ATI9", ["I9"]),
        ("ATS7?", ["S7?"]),
        ("ATS7=", ["S7="]),
        ("ATS007=45E1", ["S7=45", "E1"]),
        ("ATS0=?", ["S0=?"]),
        ("ATS3", ["S3"]),
        ("AT&V?", ["&V?"]),
        ("AT&C=?", ["&C=?"]),
        ("ATD*99#", ["D*99#"]),
        ("ATD*99***1#", ["D*99***1#"]),
        ("ATE0DT 12;34", ["E0", "DT 12;34"]),
        ('ATD"name";', ['D"name";']),
        ("ATD", ["D"]),
        ("ATH;+CSQ", ["H", "+CSQ"]),
        ("AT+CPMS=\"SM\",\"ME\"", ['+CPMS="SM","ME"']),
        ("AT+VTS=1", ["+VTS=1"]),
        ("AT+WS46=?", ["+WS46=?"]),
        ("AT+QCFG=\"nwscanmode\",3,1", ['+QCFG="nwscanmode",3,1']),
        ("AT+C-X.Y/Z:W_V!%=1", ["+C-X.Y/Z:W_V!%=1"]),
    ],
)
def test_lines_are_split_into_commands(line: str, shown: list[str]) -> None:
    assert [repr(command) for command in parse_line(line)] == [f"Command(AT{text})" for text in shown]


def test_commands_are_values() -> None:
    assert parse_line('ate1+cmgs="a\\41\\22b",,7') == (
        Command(name="E", arguments=(value("1"),)),
        Command(name="+CMGS", form=Form.SET, arguments=(string('aA"b', "a\\41\\22b"), None, value("7"))),
    )
    assert parse_line("AT+X=")[0].arguments == (None,)
    assert parse_line("AT+X?")[0] == Command(name="+X", form=Form.READ)
    assert parse_line("ATS0?")[0] == Command(name="S0", form=Form.READ)
    assert parse_line("ATDT123;")[0] == Command(name="D", arguments=(value("T123;"),))


def test_a_backslash_that_escapes_nothing_stays() -> None:
    assert parse_line('AT+X="C:\\temp\\zz"')[0].string(0) == "C:\\temp\\zz"


def test_arguments_are_asked_for_by_place() -> None:
    (command,) = parse_line('AT+X=5,"text",,-3,ff')
    assert (command.number(0), command.string(1), command.number(3)) == (5, "text", -3)
    assert (command.number(2, 9), command.number(7), command.string(7, "none")) == (9, None, "none")
    argument = command.argument(4)
    assert argument is not None
    assert argument.number(16) == 255
    assert command.argument(5) is None


@pytest.mark.parametrize("text", ['"5"', "x", "5x", "٣", "1" * 19, "+", "0x1", "5_0", "1.5"])
def test_what_is_no_number_is_refused(text: str) -> None:
    if text == "٣":
        argument: Argument | None = value(text)
    else:
        argument = parse_line(f"AT+X={text}")[0].argument(0)
    assert argument is not None
    with pytest.raises(AtSyntaxError, match="is not a number"):
        argument.number()


def test_a_number_must_be_of_its_base() -> None:
    with pytest.raises(AtSyntaxError, match="not a number of base 2"):
        value("5").number(2)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("", "starts with AT"),
        ("A", "starts with AT"),
        ("XAT", "starts with AT"),
        ("AT;", "no command starts with ';'"),
        ("AT+X;;+Y", "no command starts with ';"),
        ("AT1", "no command starts with '1'"),
        ("AT=1", "no command starts with '=1'"),
        ("AT?", r"no command starts with '\?'"),
        ("AT&", "no command starts with '&'"),
        ("AT+", "is no command name"),
        ("AT+1X", "is no command name"),
        ("AT S", "S needs a number"),
        ("ATS=1", "S needs a number"),
        ("AT+CPIN?+CSQ", "a semicolon must follow"),
        ("AT+CSQ E0", "a semicolon must follow"),
        ('AT+X="abc', "no closing quote"),
        ('AT+X="abc"def', "a comma must stand before"),
        ('AT+X=abc"def"', "a comma must stand before"),
        ("AT+X=\x7f", "printable ASCII"),
        ("AT+X=\xe9", "printable ASCII"),
        ("ATD\x07", "printable"),
        ("AT\xe9", "no command starts with"),
        ("ATE0=1", "no command starts with '=1'"),
        ("ATE0123456789", "no command starts with '9'"),
    ],
)
def test_what_is_outside_the_grammar_is_refused(line: str, rule: str) -> None:
    with pytest.raises(AtSyntaxError, match=rule):
        parse_line(line)


@given(st.text() | st.text('ATE0+CMGS=?;",\\&SD 1x'))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for line in (text, "AT" + text):
        try:
            commands = parse_line(line)
        except AtSyntaxError as error:
            assert len(str(error)) < 400  # noqa: PT017
            continue
        assert all(command.name for command in commands)


NAMES = st.from_regex(r"[+#^$*][A-Z][A-Z0-9]{1,7}", fullmatch=True)
VALUES = st.none() | st.from_regex(r"[0-9A-Za-z.*#+-]{1,9}", fullmatch=True).map(value) | st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters='"\\'), max_size=12
).map(string)  # fmt: skip
ARGUMENTS = st.lists(VALUES, min_size=1, max_size=6).map(tuple)
EXTENDED = st.one_of(
    st.builds(Command, name=NAMES, form=st.sampled_from([Form.EXEC, Form.READ, Form.TEST])),
    st.builds(Command, name=NAMES, form=st.just(Form.SET), arguments=ARGUMENTS),
)
BASIC = st.builds(
    Command,
    name=st.sampled_from(["E", "V", "Q", "&C", "&D", "Z", "X", "\\Q"]),
    arguments=st.just(()) | st.integers(0, 999).map(lambda number: (value(str(number)),)),
)


@given(st.lists(BASIC, max_size=4), st.lists(EXTENDED, max_size=4))
def test_what_is_written_is_what_is_read(basic: list[Command], extended: list[Command]) -> None:
    body = "".join(repr(command)[10:-1] for command in basic)
    line = "AT" + body + ";".join(repr(command)[10:-1] for command in extended)
    assert parse_line(line) == (*basic, *extended)


def test_a_very_long_line_is_parsed_in_time() -> None:
    assert len(parse_line("AT" + 50_000 * "E0")) == 50_000
    assert len(parse_line("AT+X=" + 50_000 * ",")[0].arguments) == 50_001
    with pytest.raises(AtSyntaxError):
        parse_line("AT+X=" + 50_000 * '"')
