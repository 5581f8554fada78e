"""What a modem tells of itself: plain values (3GPP TS 27.007)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from harness.errors import ModemError


class RegistrationStatus(IntEnum):
    """``<stat>`` of +CREG and +CEREG (3GPP TS 27.007 clauses 7.2 and 10.1.22)."""

    NOT_REGISTERED = 0
    HOME = 1
    SEARCHING = 2
    DENIED = 3
    UNKNOWN = 4
    ROAMING = 5
    HOME_SMS_ONLY = 6
    ROAMING_SMS_ONLY = 7
    EMERGENCY_ONLY = 8
    HOME_NO_CSFB = 9
    ROAMING_NO_CSFB = 10

    @property
    def has_service(self) -> bool:
        """Whether this is a registration, at home or roaming."""
        return self in (1, 5, 6, 7, 9, 10)

    @property
    def is_roaming(self) -> bool:
        """Whether this is a registration away from home."""
        return self in (5, 7, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationState:
    """What the modem tells of its registration.

    Attributes:
        tac: tracking area code, or location area code, None if not told.
        ci: cell identity, None if not told.
        act: access technology number (3GPP TS 27.007 clause 7.3), None if not told.
    """

    status: RegistrationStatus
    tac: int | None = None
    ci: int | None = None
    act: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a modem is; ``imsi`` and ``iccid`` are empty without a readable SIM card."""

    manufacturer: str
    model: str
    revision: str
    imei: str
    imsi: str
    iccid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Signal quality of +CSQ (3GPP TS 27.007 clause 8.5).

    Attributes:
        rssi_dbm: received strength in dBm, None if not known.
        ber_class: channel bit error rate class 0 to 7, None if not known.
    """

    rssi_dbm: int | None
    ber_class: int | None


def parse_registration(value: str) -> RegistrationState:
    """Return the state that ``n,stat[,tac,ci,AcT...]`` tells.

    Raises:
        ModemError: it is nothing of the kind.
    """
    fields = [field.strip().strip('"') for field in value.split(",")]
    try:
        status = RegistrationStatus(int(fields[1]))
        tac, ci, act = [*fields[2:5], "", "", ""][:3]
        return RegistrationState(status=status, tac=int(tac, 16) if tac else None, ci=int(ci, 16) if ci else None,
                                 act=int(act) if act else None)
    except (ValueError, IndexError) as problem:
        raise ModemError(f"not a registration as 3GPP TS 27.007 tells it: {value!r}") from problem
