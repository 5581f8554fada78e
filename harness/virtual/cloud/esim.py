"""eSIM profiles: ordered through the API, reserved by the service, fetched and installed by a device."""

from __future__ import annotations

import re

from harness.clock import Duration, to_ns
from harness.errors import UsageError
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.machines import ESIM_PROFILE, By, EsimStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import EsimProfile
from harness.virtual.cloud.refusals import CATALOGUE, ESIM_OUT_OF_STOCK, UNKNOWN_PARAMETER, Refused, invalid, not_found
from harness.virtual.cloud.sims import Sims
from harness.virtual.cloud.store import Collection
from harness.virtual.cloud.webhooks import Webhooks

SMDP = "sm-dp-plus.twilio.com"
"""Where devices fetch profiles."""

_EID = re.compile(r"[0-9]{32}")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class EsimProfiles:
    """The eSIM profiles of one account."""

    def __init__(self, account: Account, sims: Sims, webhooks: Webhooks) -> None:
        self._account = account
        self._sims = sims
        self._webhooks = webhooks
        self._random = account.draws["esim"]
        self.stock = account.choices.esim_stock
        self.profiles: Collection[EsimProfile] = Collection(
            "ESimProfiles", unique=("sim_sid",), indexed=("eid", "status"), limit=100_000)
        account.agenda.on(Due.ESIM_STEP, self._step)

    def __repr__(self) -> str:
        return f"EsimProfiles({len(self.profiles)} ordered, {self.stock} left)"

    def profile(self, sid: str) -> EsimProfile:
        """Return a profile by its SID."""
        found = self.profiles.get(sid)
        if found is None:
            raise not_found(f"/ESimProfiles/{sid}")
        return found

    def create(self, arguments: Arguments) -> EsimProfile:
        """Order a profile for one eUICC, or for whoever has the matching id."""
        eid = arguments.text("Eid") or None
        matching = arguments.flag("GenerateMatchingId", False)
        if eid is not None and not _EID.fullmatch(eid):
            raise invalid("Eid", "must have 32 digits")
        if eid is None and not matching and self._account.choices.esim_needs == "either":
            raise Refused(UNKNOWN_PARAMETER, "Missing required parameter Eid: or set GenerateMatchingId to true")
        out_of_stock = self.stock < 1 or self._account.fails(ESIM_OUT_OF_STOCK)
        if out_of_stock and self._account.choices.esim_out_of_stock == "refuse":
            raise Refused(ESIM_OUT_OF_STOCK, CATALOGUE[ESIM_OUT_OF_STOCK])
        profile = self.profiles.add(EsimProfile(
            **self._account.stamp("HP"), eid=eid, wants_matching_id=matching, callback=arguments.callback(),
            error_code=str(ESIM_OUT_OF_STOCK) if out_of_stock else None))
        if not out_of_stock:
            self.stock -= 1
        self._account.record("esim_profile_ordered", device=profile.sid, eid=eid or "")
        self._later(profile, self._account.choices.esim_reserving)
        return profile

    # -- what devices do ----------------------------------------------------------------------------------------------

    def downloaded(self, key: str) -> EsimProfile:
        """Let a device fetch the profile with this SID, EID or matching id.

        Raises:
            UsageError: there is no profile for it that is available.
        """
        profile = self._for_device(key, EsimStatus.AVAILABLE)
        self._move(profile, EsimStatus.DOWNLOADED, By.DEVICE)
        return profile

    def installed(self, key: str) -> EsimProfile:
        """Let the eUICC install the profile that was fetched.

        Raises:
            UsageError: there is no profile for it that was downloaded.
        """
        profile = self._for_device(key, EsimStatus.DOWNLOADED)
        self._move(profile, EsimStatus.INSTALLED, By.DEVICE)
        return profile

    def failed(self, key: str, code: str, message: str) -> EsimProfile:
        """Let fetching or installing a profile fail.

        Raises:
            UsageError: there is no profile for it that is available or downloaded.
        """
        profile = self._for_device(key, EsimStatus.AVAILABLE, EsimStatus.DOWNLOADED)
        self._move(profile, EsimStatus.FAILED, By.DEVICE, error_code=code, error_message=message)
        return profile

    def _for_device(self, key: str, *statuses: EsimStatus) -> EsimProfile:
        for status in statuses:
            for profile in self.profiles.page({"status": status}, size=len(self.profiles) or 1).records[::-1]:
                if key in (profile.sid, profile.eid, profile.matching_id):
                    return profile
        raise UsageError(f"there is no eSIM profile for {key!r} that is {' or '.join(statuses)}")

    # -- what the service does ----------------------------------------------------------------------------------------

    def _later(self, profile: EsimProfile, delay: Duration) -> None:
        self._account.agenda.set(Due.ESIM_STEP, profile.sid, self._account.world.now() + to_ns(delay))

    def _step(self, sid: str) -> None:
        profile = self.profiles.get(sid)
        if profile is None:
            return
        if profile.status is EsimStatus.NEW:
            self._move(profile, EsimStatus.RESERVING, By.SYSTEM)
            self._later(profile, self._account.choices.esim_available)
        elif profile.error_code is not None:
            self._move(profile, EsimStatus.FAILED, By.SYSTEM, error_message=CATALOGUE[ESIM_OUT_OF_STOCK])
        else:
            self._reserve(profile)

    def _reserve(self, profile: EsimProfile) -> None:
        sim = self._sims.reserve(self._draw_iccid())
        matching_id = activation_code = None
        if profile.wants_matching_id:
            drawn = [_LETTERS[self._random.getrandbits(5)] for _ in range(25)]
            matching_id = "-".join("".join(drawn[start:start + 5]) for start in range(0, 25, 5))
            activation_code = f"1${SMDP.upper()}${matching_id}"
        self._move(profile, EsimStatus.AVAILABLE, By.SYSTEM, sim_sid=sim.sid, iccid=sim.iccid, smdp_plus_address=SMDP,
                   matching_id=matching_id, activation_code=activation_code)

    def _draw_iccid(self) -> str:
        while True:
            body = f"8988307{9_000_000_000 + self._random.getrandbits(29):011d}"
            iccid = body + luhn_digit(body)
            if not self._sims.known(iccid):
                return iccid

    def _move(self, profile: EsimProfile, target: EsimStatus, by: By, **values: str | None) -> None:
        ESIM_PROFILE.move(profile.status, target, by)
        self.profiles.change(profile, self._account.now(), status=target, **values)
        self._account.record("esim_profile_moved", device=profile.sid, status=target.value)
        if target.value in self._account.choices.esim_callback_statuses:
            self._webhooks.esim_profile(profile)


def luhn_digit(digits: str) -> str:
    """Return the check digit of an ICCID (ITU-T E.118).

    >>> luhn_digit("7992739871")
    '3'
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
