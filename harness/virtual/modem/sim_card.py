"""A SIM card: its identity, its files, its PIN, and the messages it holds. Moves from modem to modem as it is."""

from __future__ import annotations

from enum import Enum

from harness.errors import UsageError
from harness.virtual.modem.messages import MessageStore
from harness.virtual.modem.sim_files import EF_ICCID, EF_IMSI, ElementaryFile, encode_imsi, make_files, swapped_digits

PIN_TRIES = 3
PUK_TRIES = 10


class Lock(Enum):
    """What a card asks for, as +CPIN tells it (3GPP TS 27.007 clause 8.3)."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"
    BLOCKED = "BLOCKED"
    """Ten wrong PUKs: the card is of no more use."""


class SimCard:
    """One card.

    Args:
        iccid: 18 to 20 digits.
        imsi: 14 or 15 digits.
        msisdn: own number in international form, if the card tells one.
        pin: the PIN; None or empty: the PIN is switched off (and is 0000).
        puk: what unblocks it.
        spn: service provider name.
        smsc: address of the SMS centre as the card was personalised.
        mnc_digits: digits of the MNC within the IMSI: 2 or 3.
        sms_slots: messages it holds.
        imsis: further IMSIs a multi-IMSI card may change to.

    Raises:
        UsageError: ICCID, IMSI, PIN or PUK are not of the form they must have.

        >>> card = SimCard(iccid="89883070000000000017", imsi="310170845466094", pin="1234")
        >>> card.lock
        <Lock.PIN: 'SIM PIN'>
        >>> card.verify_pin("1234"), card.lock
        (True, <Lock.READY: 'READY'>)
    """

    def __init__(self, iccid: str, imsi: str, *, msisdn: str = "", pin: str | None = None, puk: str = "12345678",
                 spn: str = "Twilio", smsc: str = "+12063130004", mnc_digits: int = 3, sms_slots: int = 25,
                 imsis: tuple[str, ...] = ()) -> None:
        _check_digits("an ICCID", iccid, 18, 20)
        for one in (imsi, *imsis):
            _check_digits("an IMSI", one, 14, 15)
        _check_digits("a PUK", puk, 8, 8)
        if pin:
            _check_digits("a PIN", pin, 4, 8)
        if msisdn:
            _check_digits("an MSISDN", msisdn.removeprefix("+"), 3, 15)
        _check_digits("an SMS centre address", smsc.removeprefix("+"), 3, 20)
        self.iccid = iccid
        self.subscriber = iccid  # under which the network knows it, whatever the card tells
        self.imsi = imsi
        self.imsis = imsis
        self.msisdn = msisdn
        self.spn = spn
        self.smsc = smsc
        self.mnc_digits = mnc_digits
        self.messages = MessageStore("SM", sms_slots)
        self.pin_enabled = bool(pin)
        self.pin_tries = PIN_TRIES
        self.puk_tries = PUK_TRIES
        self.files = make_files(iccid=iccid, imsi=imsi, mnc_digits=mnc_digits, spn=spn, msisdn=msisdn, smsc=smsc)
        self._pin = pin or "0000"
        self._puk = puk
        self._verified = False

    def __repr__(self) -> str:
        return f"SimCard(iccid={self.iccid!r}, imsi={self.imsi!r}, {self.lock.value})"

    @property
    def lock(self) -> Lock:
        """What the card asks for now."""
        if self.puk_tries == 0:
            return Lock.BLOCKED
        if self.pin_tries == 0:
            return Lock.PUK
        return Lock.PIN if self.pin_enabled and not self._verified else Lock.READY

    @property
    def is_ready(self) -> bool:
        """Whether it asks for nothing."""
        return self.lock is Lock.READY

    def power_cycle(self) -> None:
        """Forget that the PIN was verified; the counters stay."""
        self._verified = False

    def verify_pin(self, pin: str) -> bool:
        """Present the PIN; three wrong ones in a row ask for the PUK."""
        if self.pin_tries == 0:
            return False
        if pin == self._pin:
            self.pin_tries = PIN_TRIES
            self._verified = True
            return True
        self.pin_tries -= 1
        self._verified = False
        return False

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Present the PUK and set a new PIN; ten wrong ones are the end of the card."""
        if self.puk_tries == 0:
            return False
        if puk != self._puk:
            self.puk_tries -= 1
            return False
        self._pin = new_pin
        self.pin_tries, self.puk_tries = PIN_TRIES, PUK_TRIES
        self.pin_enabled = self._verified = True
        return True

    def change_pin(self, old: str, new: str) -> bool:
        """Set another PIN; the old one counts as presented."""
        if not self.verify_pin(old):
            return False
        self._pin = new
        return True

    def enable_pin(self, enabled: bool, pin: str) -> bool:
        """Switch the PIN on or off; it counts as presented."""
        if not self.verify_pin(pin):
            return False
        self.pin_enabled = enabled
        return True

    def lock_with_pin(self, pin: str) -> None:
        """Ask for this PIN from now on, as if it had just been set and the power cycled.

        Raises:
            UsageError: not a PIN.
        """
        _check_digits("a PIN", pin, 4, 8)
        self._pin = pin
        self.pin_enabled, self.pin_tries, self._verified = True, PIN_TRIES, False

    def tell_iccid(self, iccid: str) -> None:
        """Tell another ICCID than the one under which the network knows the card.

        Raises:
            UsageError: not an ICCID.
        """
        _check_digits("an ICCID", iccid, 18, 20)
        self.iccid = iccid
        self.files.files[EF_ICCID] = ElementaryFile([swapped_digits(iccid, 10)], secret=False)

    def change_imsi(self, imsi: str) -> None:
        """Let a multi-IMSI card take another identity; the modem learns of it by REFRESH.

        Raises:
            UsageError: not an IMSI.
        """
        _check_digits("an IMSI", imsi, 14, 15)
        self.imsi = imsi
        self.files.files[EF_IMSI] = ElementaryFile([encode_imsi(imsi)])


def _check_digits(what: str, value: str, shortest: int, longest: int) -> None:
    if not (value.isascii() and value.isdigit() and shortest <= len(value) <= longest):
        span = str(shortest) if shortest == longest else f"{shortest} to {longest}"
        raise UsageError(f"{what} has {span} digits: not {value!r}")
