"""What one module type is, as data: read from the TOML files beside this package."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from harness.clock import to_ns
from harness.errors import UsageError
from harness.virtual.modem.settings import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStep:
    """Something that happens after power-on.

    Attributes:
        after: nanoseconds since the step before.
        urc: what is said, empty for nothing; ``{cpin}`` stands for the state of the SIM card, ``{fun}`` for that of
            +CFUN, ``{greeting}`` for the text of +CSGT.
        action: ``sim`` (start the SIM card), ``network`` (look for a network) or empty.
        needs_sim: leave it out where no SIM card has started.
        needs_pin: put it off until the SIM card asks for nothing.
        when: a setting that must not be 0 for it to be said.
    """

    after: int
    urc: str = ""
    action: str = ""
    needs_sim: bool = False
    needs_pin: bool = False
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One module type.

    Attributes:
        name: how it is chosen: ``BG96``.
        description: what it is, in words.
        features: feature modules whose commands it has, in the order of its command list.
        without: commands of those features that it does not have.
        defaults: factory values by command name.
        persistent: commands whose values outlive power-off without &W.
        stored: nothing but ``&W`` keeps the others.
        timing: nanoseconds that commands and stages take at any pace; :mod:`harness.virtual.modem.timings` has the
            keys.
        typical: what they take in a module of this kind.
        longest: the most they may take by its maker's manual.
        stores: sizes of the message stores by name; SM is the SIM card's own.
        phone_book: sizes of the phone books by name, in the order of +CPBS=?; 0 where the SIM card says it.
        answers: short facts that features ask for by name: :data:`ANSWERS`.
        static: commands with one fixed answer, by name.
    """

    name: str
    description: str
    manufacturer: str
    model: str
    revision: str
    identification: tuple[str, ...]
    imei_tac: str
    features: tuple[str, ...]
    without: frozenset[str]
    boot: tuple[BootStep, ...]
    defaults: Mapping[str, Value]
    persistent: frozenset[str]
    timing: Mapping[str, int]
    typical: Mapping[str, int]
    longest: Mapping[str, int]
    stores: Mapping[str, int]
    phone_book: Mapping[str, int]
    answers: Mapping[str, str | int | bool]
    static: Mapping[str, tuple[str, ...]]

    def text(self, name: str) -> str:
        """Return an answer that is a text."""
        return str(self.answers[name])

    def number(self, name: str) -> int:
        """Return an answer that is a number."""
        return int(self.answers[name])

    def flag(self, name: str) -> bool:
        """Return an answer that is a yes or no."""
        return bool(self.answers[name])


ANSWERS: Mapping[str, str | int | bool] = {
    "capabilities": "+CGSM",  # +GCAP
    "software_version": "00",  # of the IMEISV (+CGSN=2, +CGSN=3): two digits
    "prompt": "\r\n> ",
    "connect": "CONNECT 150000000",  # what ATD*99# is answered with
    "max_line": 2048,  # octets of a command line
    "while_busy": "queue",  # octets that come during a command wait ("queue") or are lost ("drop")
    "hold_urcs": True,  # unsolicited results wait for the final result
    "empty_slot_ok": True,  # +CMGR of an empty slot: OK and nothing else, or +CMS ERROR: 321
    "quote_addresses": False,  # +CGPADDR
    "creg_on_lte": True,  # +CREG tells the LTE registration too
    "wide_band": False,  # it uses the whole LTE carrier of a cell that carries LTE-M too, and tells of LTE
    "technologies": "gsm,utran,lte,lte-m,nb-iot",  # what it receives
    "cgreg_on_lte": "same",  # what +CGREG tells on LTE: "same", or a number
    "routing": "(0-2),(0-3),(0,2),(0-2),(0,1)",  # what +CNMI takes
    "sms_full_urc": "",  # {memory} stands for the store
    "no_card": "NOT READY",  # what {cpin} is in the boot sequence without a SIM card
    "sim_removed_urc": "+CPIN: NOT READY",
    "power_down_urc": "POWERED DOWN",
    "socket_port": "usbmodem",  # the port as +QISTATE names it
    "capital_errors": False,  # the texts of +CMEE=2 begin with a capital letter
    "iccid_filler": "F",  # what stands for the missing digit of an ICCID with 19
    "reset_functions": "",  # values of +CFUN, with commas between them, that restart the module
    "internal_stack": False,  # sockets need a context activated for them (+UPSDA), not just any
    "band": "LTE BAND 12",  # of LTE cells, as the maker writes it
    "channel": 5110,  # of LTE cells
    "level_unit": 1,  # what +CPSI tells levels in: 1 for dB, 10 for tenths of them
    "battery_percent": 100,
    "supply_mv": 3800,
}
"""What features ask for by name, and what holds where a profile says nothing."""

_KEYS = {"name", "description", "manufacturer", "model", "revision", "identification", "imei_tac", "features",
         "without", "boot", "defaults", "persistent", "timing", "typical", "longest", "stores", "phone_book", "answers",
         "static"}
_PHONE_BOOKS = {"SM", "FD", "ON", "EN", "ME", "LD", "DC", "MC", "RC"}
_STEP_KEYS = {"after", "urc", "action", "needs_sim", "needs_pin", "when"}
_CACHE: dict[str, Profile] = {}


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with the package."""
    folder = resources.files(__package__) / "profiles"
    return tuple(sorted(entry.name.removesuffix(".toml").upper() for entry in folder.iterdir()
                        if entry.name.endswith(".toml")))


def load_profile(name: str) -> Profile:
    """Return the profile of this name.

    Raises:
        UsageError: there is none; the message names those there are.
    """
    key = name.upper()
    if key not in _CACHE:
        if key not in profile_names():
            raise UsageError(f"no modem profile {name!r}: there are {', '.join(profile_names())}")
        text = (resources.files(__package__) / "profiles" / f"{key.lower()}.toml").read_text(encoding="utf-8")
        _CACHE[key] = parse_profile(text, source=f"{key.lower()}.toml")
    return _CACHE[key]


def read_profile(path: Path) -> Profile:
    """Return a profile of the user's own.

    Raises:
        UsageError: the file is no profile; the message names the key and the rule.
    """
    return parse_profile(path.read_text(encoding="utf-8"), source=str(path))


def parse_profile(text: str, *, source: str) -> Profile:
    """Return the profile that a TOML text describes.

    Raises:
        UsageError: it breaks a rule; the message names source, key and rule.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: not TOML: {error}") from None
    _check_keys(raw, _KEYS, source)
    for key in ("name", "manufacturer", "model", "revision", "features"):
        if key not in raw:
            raise UsageError(f"{source}: the key {key!r} must be there")
    technologies = str(raw.get("answers", {}).get("technologies", ANSWERS["technologies"])).split(",")
    if unknown := set(technologies) - set(str(ANSWERS["technologies"]).split(",")):
        raise UsageError(f"{source}: answers.technologies: {min(unknown)!r} is none of {ANSWERS['technologies']}")
    try:
        return Profile(
            name=str(raw["name"]), description=str(raw.get("description", raw["model"])),
            manufacturer=str(raw["manufacturer"]), model=str(raw["model"]),
            revision=str(raw["revision"]),
            identification=tuple(raw.get("identification", (raw["manufacturer"], raw["model"], raw["revision"]))),
            imei_tac=str(raw.get("imei_tac", "86642503")), features=tuple(raw["features"]),
            without=frozenset(raw.get("without", ())),
            boot=tuple(_boot_step(step, source) for step in raw.get("boot", ())),
            defaults={key: _value(value) for key, value in raw.get("defaults", {}).items()},
            persistent=frozenset(raw.get("persistent", ())),
            timing=_times(raw, "timing"), typical=_times(raw, "typical"), longest=_times(raw, "longest"),
            stores={key: int(value) for key, value in raw.get("stores", {}).items()},
            phone_book=_phone_book(raw.get("phone_book", {}), source),
            answers={**ANSWERS, **_answers(raw.get("answers", {}), source)},
            static={key: (value,) if isinstance(value, str) else tuple(value)
                    for key, value in raw.get("static", {}).items()})
    except (TypeError, AttributeError, ValueError) as error:
        raise UsageError(f"{source}: a value has the wrong type: {error}") from None


def _times(raw: Mapping[str, Any], table: str) -> Mapping[str, int]:
    return {key: to_ns(value) for key, value in raw.get(table, {}).items()}


def _phone_book(raw: Mapping[str, Any], source: str) -> Mapping[str, int]:
    _check_keys(raw, _PHONE_BOOKS, f"{source}: phone_book")
    return {key: int(value) for key, value in raw.items()}


def _boot_step(raw: Mapping[str, Any], source: str) -> BootStep:
    _check_keys(raw, _STEP_KEYS, f"{source}: boot")
    action = str(raw.get("action", ""))
    if action not in ("", "sim", "network"):
        raise UsageError(f"{source}: boot: action must be sim or network, not {action!r}")
    return BootStep(after=to_ns(raw.get("after", 0)), urc=str(raw.get("urc", "")), action=action,
                    needs_sim=bool(raw.get("needs_sim", False)),
                    needs_pin=bool(raw.get("needs_pin", False)), when=str(raw.get("when", "")))


def _answers(raw: Mapping[str, Any], source: str) -> Mapping[str, str | int | bool]:
    _check_keys(raw, set(ANSWERS), f"{source}: answers")
    for key, value in raw.items():
        if type(value) is not type(ANSWERS[key]):
            raise UsageError(f"{source}: answers: {key} must be of type {type(ANSWERS[key]).__name__}, not {value!r}")
    return raw


def _value(raw: object) -> Value:
    return tuple(raw) if isinstance(raw, list) else (raw,)  # type: ignore[return-value]


def _check_keys(raw: Mapping[str, Any], allowed: set[str], source: str) -> None:
    for key in raw:
        if key not in allowed:
            raise UsageError(f"{source}: unknown key {key!r}: allowed are {', '.join(sorted(allowed))}")
