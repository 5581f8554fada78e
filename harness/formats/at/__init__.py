"""The AT command language, seen from both ends of the port (ITU-T V.250, 3GPP TS 27.007 and 27.005)."""

from __future__ import annotations

from harness.formats.at.command import Argument, Command, Form, parse_line
from harness.formats.at.ranges import parse_numbers, parse_ranges
from harness.formats.at.reader import (
    NEED_DATA,
    Cancelled,
    Event,
    Line,
    LineReader,
    NeedData,
    Overflow,
    Payload,
    Repeat,
    Text,
)
from harness.formats.at.response import (
    FINAL_RESULTS,
    Final,
    InfoLine,
    PayloadHeader,
    Prompt,
    ResponseEvent,
    ResponseReader,
    classify,
    information,
    result,
)
from harness.formats.at.results import BASIC_NUMBERS, CME_ERRORS, CMS_ERRORS, ResultKind, cme_code, cms_code

__all__ = [
    "BASIC_NUMBERS",
    "CME_ERRORS",
    "CMS_ERRORS",
    "FINAL_RESULTS",
    "NEED_DATA",
    "Argument",
    "Cancelled",
    "Command",
    "Event",
    "Final",
    "Form",
    "InfoLine",
    "Line",
    "LineReader",
    "NeedData",
    "Overflow",
    "Payload",
    "PayloadHeader",
    "Prompt",
    "Repeat",
    "ResponseEvent",
    "ResponseReader",
    "ResultKind",
    "Text",
    "classify",
    "cme_code",
    "cms_code",
    "information",
    "parse_line",
    "parse_numbers",
    "parse_ranges",
    "result",
]
