"""Short messages: the GSM 7-bit alphabet, transfer-layer PDUs and long messages (3GPP TS 23.040 and 23.038)."""

from __future__ import annotations

from harness.formats.sms import gsm7
from harness.formats.sms.address import Address, NumberingPlan, TypeOfNumber, encode_sca, split_sca
from harness.formats.sms.alphabets import Language
from harness.formats.sms.causes import FAILURE_CAUSES, STATUS_TEXTS, StatusCategory
from harness.formats.sms.cell_broadcast import BroadcastCoding, BroadcastPage, Scope, SerialNumber, split_broadcast
from harness.formats.sms.coding import Alphabet, CodingGroup, DataCoding, Indication, MessageClass
from harness.formats.sms.command import Command
from harness.formats.sms.reports import DeliverReport, StatusReport, SubmitReport
from harness.formats.sms.segments import Part, Reassembler, ReassemblerStatistics, split
from harness.formats.sms.timestamp import decode_timestamp, encode_timestamp
from harness.formats.sms.tpdu import (
    Deliver,
    FromMobile,
    FromNetwork,
    Submit,
    decode_from_mobile,
    decode_from_network,
)
from harness.formats.sms.udh import Concatenation, InformationElement, NationalLanguage, Ports, RawElement
from harness.formats.sms.validity import (
    EnhancedForm,
    EnhancedValidity,
    Validity,
    ValidityFormat,
    relative_period,
    relative_value,
    round_up,
)

__all__ = [
    "FAILURE_CAUSES",
    "STATUS_TEXTS",
    "Address",
    "Alphabet",
    "BroadcastCoding",
    "BroadcastPage",
    "CodingGroup",
    "Command",
    "Concatenation",
    "DataCoding",
    "Deliver",
    "DeliverReport",
    "EnhancedForm",
    "EnhancedValidity",
    "FromMobile",
    "FromNetwork",
    "Indication",
    "InformationElement",
    "Language",
    "MessageClass",
    "NationalLanguage",
    "NumberingPlan",
    "Part",
    "Ports",
    "RawElement",
    "Reassembler",
    "ReassemblerStatistics",
    "Scope",
    "SerialNumber",
    "StatusCategory",
    "StatusReport",
    "Submit",
    "SubmitReport",
    "TypeOfNumber",
    "Validity",
    "ValidityFormat",
    "decode_from_mobile",
    "decode_from_network",
    "decode_timestamp",
    "encode_sca",
    "encode_timestamp",
    "gsm7",
    "relative_period",
    "relative_value",
    "round_up",
    "split",
    "split_broadcast",
    "split_sca",
]
