"""The table of kinds, the documentation, the tests, and the catalogue of what goes wrong in the field: they agree."""

from __future__ import annotations

import re
from pathlib import Path

from harness.virtual.faults import KINDS
from harness.virtual.faults.kinds import CONDITIONS, GROUPS, Mode, Room
from harness.virtual.modem import module_faults
from harness.virtual.network import faults as network_faults

HERE = Path(__file__).parent
GUIDE = HERE.parents[2] / "docs" / "faults.md"

CATALOGUE = {
    "response": {
        "delay": "delay", "jitter": "jitter", "never": "never", "ERROR": "error", "CME n": "cme", "CMS n": "cms",
        "truncated": "truncate", "garbled bytes": "garble", "duplicated": "duplicate",
        "split into n-byte chunks": "split", "extra blank lines": "blank-lines", "missing echo": "no-echo",
        "echo lost byte": "echo-loss", "wrong order OK/URC": "urc-first", "prompt late": "prompt-late",
        "prompt missing": "prompt-missing", "prompt without space": "prompt-bare"},
    "urc": {"any text at any offset": "urc", "burst": "urc-burst", "storm": "urc-storm"},
    "power": {"hang": "hang", "brown-out": "brown-out", "slow boot": "slow-boot", "reset in prompt": "reset-in-prompt",
              "unplug": "unplug", "baud change": "baud"},
    "sim": {"absent": "sim-absent", "PIN": "sim-pin", "PUK": "sim-puk", "busy": "sim-busy", "removed": "sim-removed",
            "IMSI switch": "sim-imsi", "ICCID": "sim-iccid"},
    "network": {"none": "network-none", "searching t s": "network-searching", "denied cause c": "network-denied",
                "roaming off": "network-no-roaming", "lost for t s": "network-lost", "signal curve": "network-signal",
                "NITZ jump": "network-nitz", "RAT change": "network-rat", "COPS scan slow": "network-slow-scan"},
    "packet": {"attach refuse": "packet-attach-refused", "APN refuse": "packet-apn-refused",
               "context dropped": "packet-dropped", "IP changed": "packet-ip-changed",
               "NAT idle timeout": "packet-nat-timeout", "UDP loss": "udp-loss", "dup": "udp-duplicate",
               "reorder": "udp-reorder", "corrupt": "udp-corrupt", "latency": "udp-latency", "MTU": "udp-mtu",
               "socket error n": "packet-socket-error", "buffer full": "packet-buffer-full"},
    "sms": {"store full": "sms-store-full", "redelivery": "sms-redeliver", "duplicate": "sms-duplicate",
            "out-of-order": "sms-reorder", "lost SR": "sms-lost-report", "CMS 38/41/42 on send": "sms-refused",
            "slow CMGS": "sms-slow", "network accepted but answer lost": "sms-answer-lost", "wrong SCTS": "sms-scts",
            "malformed PDU": "sms-malformed"},
}
"""What people fight with in the field, in their words, and the kind that shows it."""


def shown_by_tests() -> set[str]:
    found: set[str] = set()
    for path in HERE.glob("test_*.py"):
        for call in re.findall(r"mark\.strikes\(([^)]*)\)", path.read_text(encoding="utf-8")):
            found |= set(re.findall(r'"([a-z-]+)"', call))
    return found


def test_every_entry_of_the_catalogue_has_a_kind() -> None:
    for group, entries in CATALOGUE.items():
        for entry, kind in entries.items():
            assert KINDS[kind].group == group, entry


def test_every_kind_has_a_test_that_sees_it_strike() -> None:
    assert shown_by_tests() == set(KINDS)


def test_every_kind_is_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", text, re.MULTILINE)
    kinds = {name: row for name, row in rows if name in KINDS}
    assert set(kinds) == set(KINDS)
    for name, kind in KINDS.items():
        for parameter in kind.parameters:
            if parameter.name not in ("point", "after") or not kind.breaks:
                assert f"`{parameter.describe()}`" in kinds[name], (name, parameter.name)
    states = dict(re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", text, re.MULTILINE))
    assert set(CONDITIONS) <= set(states)


def test_everything_that_acts_has_somebody_to_do_it() -> None:
    acts = {kind.name: kind.room for kind in KINDS.values() if kind.mode is Mode.ACT}
    assert {name for name, room in acts.items() if room is Room.MODEM} == set(module_faults.ACTS)
    assert {name for name, room in acts.items() if room is Room.NETWORK} == set(network_faults.ACTS)
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
