"""Fault plans: what goes wrong in the field, described as data, and struck where and when a selector says."""

from __future__ import annotations

from harness.virtual.faults.fault import Fault
from harness.virtual.faults.front import Faults
from harness.virtual.faults.kinds import KINDS, Kind, Mode
from harness.virtual.faults.parameters import Parameter
from harness.virtual.faults.plan import FaultPlan
from harness.virtual.faults.spec import FaultSpec, parse_fault

__all__ = ["KINDS", "Fault", "FaultPlan", "FaultSpec", "Faults", "Kind", "Mode", "Parameter", "parse_fault"]
