"""A SIM card: its identity, its files, its PIN, and the messages it holds. Moves from modem to modem as it is."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from enum import Enum

from harness.errors import UsageError
from harness.virtual.modem.messages import MessageStore
from harness.virtual.modem.sim_files import (
    EF_ICCID,
    EF_IMSI,
    EF_SMS,
    ElementaryFile,
    encode_imsi,
    swapped_digits,
)
from harness.virtual.modem.sim_messages import MessageRecords
from harness.virtual.modem.sim_personalisation import make_files
from harness.virtual.modem.sim_secret import Secret


class Lock(Enum):
    """What a card asks for, as +CPIN tells it (3GPP TS 27.007 clause 8.3)."""

    READY = "READY"
    PIN = "SIM PIN"
    PUK = "SIM PUK"
    BLOCKED = "BLOCKED"
    """Ten wrong PUKs: the card is of no more use."""
    PIN2 = "SIM PIN2"
    """The command before needed PIN2; the card is of use all the same."""
    PUK2 = "SIM PUK2"
    PH_SIM = "PH-SIM PIN"
    """The module serves one card only, and this is another one."""


class SimCard:
    """One card.

    Args:
        iccid: 18 to 20 digits.
        imsi: 14 or 15 digits.
        msisdn: own number in international form, if the card tells one.
        pin: the PIN; None or empty: the PIN is switched off (and is 0000).
        puk: what unblocks it.
        pin2: PIN2, which guards the fixed dialling numbers.
        puk2: what unblocks that.
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
                 pin2: str = "0000", puk2: str = "12345678", spn: str = "Twilio", smsc: str = "+12063130004",
                 mnc_digits: int = 3, sms_slots: int = 25, imsis: tuple[str, ...] = ()) -> None:
        _check_digits("an ICCID", iccid, 18, 20)
        for one in (imsi, *imsis):
            _check_digits("an IMSI", one, 14, 15)
        for code in (puk, puk2):
            _check_digits("a PUK", code, 8, 8)
        for code in (pin or "0000", pin2):
            _check_digits("a PIN", code, 4, 8)
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
        self.pin1 = Secret(pin or "0000", puk)
        self.pin2 = Secret(pin2, puk2)
        self.pin2_wanted = False  # whether something was refused because PIN2 had not been given
        self.pin2_untold = False  # and nobody has been told yet
        self.files = make_files(iccid=iccid, imsi=imsi, mnc_digits=mnc_digits, spn=spn, msisdn=msisdn, smsc=smsc)
        self.files.files[EF_SMS] = ElementaryFile(MessageRecords(self.messages), linear=True, writable=True)

    def __repr__(self) -> str:
        return f"SimCard(iccid={self.iccid!r}, imsi={self.imsi!r}, {self.lock.value})"

    @property
    def lock(self) -> Lock:
        """What the card asks for now."""
        if self.pin1.dead:
            return Lock.BLOCKED
        if self.pin1.blocked:
            return Lock.PUK
        return Lock.PIN if self.pin_enabled and not self.pin1.verified else Lock.READY

    @property
    def is_ready(self) -> bool:
        """Whether it asks for nothing."""
        return self.lock is Lock.READY

    @property
    def pin_tries(self) -> int:
        """Wrong PINs that are left."""
        return self.pin1.tries

    @property
    def puk_tries(self) -> int:
        """Wrong PUKs that are left."""
        return self.pin1.puk_tries

    @property
    def asks(self) -> Lock:
        """What the card asks for: PIN2 too, if something could not be done without it."""
        if self.lock is not Lock.READY or not self.pin2_wanted:
            return self.lock
        return Lock.PUK2 if self.pin2.blocked else Lock.PIN2

    def pin2_missed(self) -> None:
        """Ask for PIN2: something could not be done without it."""
        self.pin2_wanted = self.pin2_untold = True

    def pin2_given(self) -> None:
        """Ask for it no longer."""
        self.pin2_wanted = self.pin2_untold = False

    def power_cycle(self) -> None:
        """Forget that the PINs were verified; the counters stay."""
        self.pin1.verified = self.pin2.verified = False
        self.pin2_given()

    def verify_pin(self, pin: str) -> bool:
        """Present the PIN; three wrong ones in a row ask for the PUK."""
        return self.pin1.verify(pin)

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Present the PUK and set a new PIN; ten wrong ones are the end of the card."""
        if not self.pin1.unblock(puk, new_pin):
            return False
        self.pin_enabled = True
        return True

    def change_pin(self, old: str, new: str) -> bool:
        """Set another PIN; the old one counts as presented."""
        return self.pin1.change(old, new)

    def enable_pin(self, enabled: bool, pin: str) -> bool:
        """Switch the PIN on or off; it counts as presented."""
        if not self.pin1.verify(pin):
            return False
        self.pin_enabled = enabled
        return True

    def keep_lock(self) -> Callable[[], None]:
        """Return what makes the card ask for what it asks for now, and for nothing else."""
        enabled, pin = self.pin_enabled, copy(self.pin1)

        def restore() -> None:
            self.pin_enabled, self.pin1 = enabled, pin

        return restore

    def lock_with_pin(self, pin: str) -> None:
        """Ask for this PIN from now on, as if it had just been set and the power cycled.

        Raises:
            UsageError: not a PIN.
        """
        _check_digits("a PIN", pin, 4, 8)
        self.pin1.renew(pin)
        self.pin_enabled = True

    def block(self) -> None:
        """Ask for the PUK, as after three wrong PINs."""
        self.pin_enabled, self.pin1.tries = True, 0

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
