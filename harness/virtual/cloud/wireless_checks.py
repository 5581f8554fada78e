"""What an update of a Programmable Wireless Sim may do: every rule and its code, checked before anything changes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from harness.virtual.cloud.account import Account
from harness.virtual.cloud.machines import WIRELESS_SIM, By, ResetStatus, WirelessStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.rate_plans import METERING, RatePlans
from harness.virtual.cloud.records import RatePlan, WirelessSim
from harness.virtual.cloud.refusals import (
    WIRELESS_BUSY,
    WIRELESS_COMBINATION,
    WIRELESS_DEPRECATED_METERING,
    WIRELESS_INCOMPLETE,
    WIRELESS_INVALID,
    WIRELESS_MISSING,
    WIRELESS_PLAN_NOT_FOUND,
    WIRELESS_RESET_NOT_ALLOWED,
    WIRELESS_RESET_RUNNING,
    WIRELESS_UNAUTHORIZED,
    Refused,
)
from harness.virtual.cloud.store import Collection

_BUSY = (WirelessStatus.UPDATING, WirelessStatus.SCHEDULED)
_USABLE = (WirelessStatus.READY, WirelessStatus.ACTIVE)

_TWIML = (("SmsUrl", "sms_url"), ("SmsMethod", "sms_method"), ("SmsFallbackUrl", "sms_fallback_url"),
          ("SmsFallbackMethod", "sms_fallback_method"), ("VoiceUrl", "voice_url"), ("VoiceMethod", "voice_method"),
          ("VoiceFallbackUrl", "voice_fallback_url"), ("VoiceFallbackMethod", "voice_fallback_method"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an update comes to.

    Attributes:
        values: attributes that change at once.
        status, rate_plan_sid: what they will be.
        plan_at_once: whether the rate plan changes at once.
        under_way: whether status or rate plan take their time.
        reset: whether connectivity is reset.
        account_sid: subaccount that the Sim goes to, None if it stays.
    """

    status: WirelessStatus
    rate_plan_sid: str | None
    values: dict[str, object] = field(default_factory=dict)
    plan_at_once: bool = False
    under_way: bool = False
    reset: bool = False
    account_sid: str | None = None


def check_update(account: Account, sims: Collection[WirelessSim], plans: RatePlans, sim: WirelessSim,
                 arguments: Arguments, *, maintenance: bool) -> Change:
    """Return what an update comes to.

    Raises:
        Refused: it breaks a rule.
    """
    wanted = WirelessStatus(arguments.required("Status")) if "Status" in arguments else sim.status
    moves = wanted is not sim.status
    removes_plan = "RatePlan" in arguments and not arguments.text("RatePlan")
    if "Status" in arguments and "ResetStatus" in arguments:
        raise Refused(WIRELESS_COMBINATION, "Status and ResetStatus can't be updated together")
    if wanted is WirelessStatus.SUSPENDED and removes_plan:
        raise Refused(WIRELESS_COMBINATION, "a Sim can't be suspended and lose its rate plan together")
    values = _plain_values(account, sims, sim, arguments)
    account_sid = _check_account(account, sim, arguments, removes_plan=removes_plan)
    if account_sid is not None:
        if moves or "ResetStatus" in arguments:
            raise Refused(WIRELESS_COMBINATION, "a Sim that goes to another account can't change its status with it")
        return Change(status=sim.status, rate_plan_sid=None, plan_at_once=True, account_sid=account_sid,
                      values={**values, "account_sid": account_sid})
    plan_sid = sim.rate_plan_sid
    if "RatePlan" in arguments:
        found = plans.plans.find(arguments.text("RatePlan") or "")
        moves_plan = (found.sid if found else None) != sim.rate_plan_sid
    else:
        moves_plan = False
    if (moves or moves_plan) and sim.status in _BUSY:
        raise Refused(WIRELESS_BUSY, f"the Sim is '{sim.status}': wait until that update is done")
    if "RatePlan" in arguments:
        plan_sid = _check_plan(plans, sim, arguments.text("RatePlan") or None, wanted)
    reset = "ResetStatus" in arguments
    if reset:
        _check_reset(account, sim, maintenance=maintenance)
    if moves:
        _check_move(plans, sim, wanted, plan_sid)
    new_plan = plan_sid != sim.rate_plan_sid
    at_once = new_plan and not moves and sim.status is WirelessStatus.NEW
    return Change(status=wanted, rate_plan_sid=plan_sid, values=values, plan_at_once=at_once,
                  under_way=moves or (new_plan and not at_once), reset=reset)


def _twiml_changes(account: Account, sim: WirelessSim, arguments: Arguments) -> dict[str, object]:
    """Return the deprecated callbacks as they will be, nothing if none changes."""
    given = {attribute: _url(account, arguments, name, getattr(sim.twiml, attribute)) if name.endswith("Url")
             else arguments.text(name) for name, attribute in _TWIML if name in arguments}
    return {"twiml": replace(sim.twiml, **given)} if given else {}  # type: ignore[arg-type]


def _url(account: Account, arguments: Arguments, name: str, now: str | None) -> str | None:
    return arguments.url(name, now, empty=account.choices.empty_url, code=WIRELESS_INVALID)


def _plain_values(account: Account, sims: Collection[WirelessSim], sim: WirelessSim,
                  arguments: Arguments) -> dict[str, object]:
    values: dict[str, object] = _twiml_changes(account, sim, arguments)
    if "UniqueName" in arguments:
        values["unique_name"] = name = arguments.text("UniqueName") or None
        sims.check("unique_name", name, code=WIRELESS_INVALID, but=sim)
    if "FriendlyName" in arguments:
        values["friendly_name"] = arguments.text("FriendlyName")
    if "CommandsCallbackUrl" in arguments:
        values["commands_callback_url"] = _url(account, arguments, "CommandsCallbackUrl", sim.commands_callback_url)
    if "CommandsCallbackMethod" in arguments:
        values["commands_callback_method"] = arguments.required("CommandsCallbackMethod")
    return values


def _check_account(account: Account, sim: WirelessSim, arguments: Arguments, *, removes_plan: bool) -> str | None:
    """Return the subaccount that the Sim may go to."""
    account_sid = arguments.text("AccountSid")
    if account_sid is None or account_sid == sim.account_sid:
        return None
    if account_sid not in account.subaccounts:
        raise Refused(WIRELESS_UNAUTHORIZED, "AccountSid must be this account or one of its subaccounts")
    if sim.status is WirelessStatus.READY:
        raise Refused(WIRELESS_MISSING, "a Sim that is 'ready' can't go to another account")
    if sim.status is not WirelessStatus.NEW:
        raise Refused(WIRELESS_UNAUTHORIZED, "only a Sim that is 'new' can go to another account")
    if arguments.text("RatePlan"):
        raise Refused(WIRELESS_PLAN_NOT_FOUND, "that account has no such rate plan")
    if sim.rate_plan_sid is not None and not removes_plan:
        raise Refused(WIRELESS_MISSING, "RatePlan must name a plan of the other account, or be empty to remove it")
    return account_sid


def _check_plan(plans: RatePlans, sim: WirelessSim, key: str | None, wanted: WirelessStatus) -> str | None:
    """Return the SID of the plan that the Sim may have."""
    if key is None:
        if sim.effective in _USABLE or wanted in _USABLE:
            raise Refused(WIRELESS_INVALID, "a Sim that is ready or active can't lose its rate plan")
        return None
    plan = plans.plans.find(key)
    if plan is None:
        raise Refused(WIRELESS_PLAN_NOT_FOUND, f"there is no rate plan {key!r}")
    if plan.narrowband != sim.narrowband:
        raise Refused(WIRELESS_INVALID, "narrowband Sims need a narrowband rate plan, and others none such")
    old = plans.plans.get(sim.rate_plan_sid or "")
    free = (WirelessStatus.NEW, WirelessStatus.DEACTIVATED)
    if old is not None and old.data_limit_strategy != plan.data_limit_strategy and sim.effective not in free:
        raise Refused(WIRELESS_INVALID, "the data limit strategy can only change while a Sim is new or deactivated")
    return plan.sid


def _check_reset(account: Account, sim: WirelessSim, *, maintenance: bool) -> None:
    if sim.reset is ResetStatus.RESETTING:
        raise Refused(WIRELESS_RESET_RUNNING, "a connectivity reset is under way")
    if maintenance:
        raise Refused(WIRELESS_RESET_NOT_ALLOWED, "the operator is in maintenance")
    if sim.narrowband or (account.choices.wireless_reset_needs_network and not sim.usable):
        raise Refused(WIRELESS_RESET_NOT_ALLOWED, "only Sims that are ready or active, and not narrowband, are reset")


def _check_move(plans: RatePlans, sim: WirelessSim, wanted: WirelessStatus, plan_sid: str | None) -> None:
    WIRELESS_SIM.move(sim.status, wanted, By.API)
    if wanted not in _USABLE:
        return
    plan: RatePlan | None = plans.plans.get(plan_sid or "")
    if plan is None:
        raise Refused(WIRELESS_INCOMPLETE, f"a Sim needs a rate plan to become '{wanted}'")
    if plan.data_metering != METERING[0]:
        raise Refused(WIRELESS_DEPRECATED_METERING, f"data metering {plan.data_metering} is deprecated")
