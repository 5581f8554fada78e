"""What the virtual cloud decides and how its resources move, as plain data for the command line."""

from __future__ import annotations


def choices() -> list[dict[str, str]]:
    """Return every decision that the public documentation leaves open: name, value and why."""
    from harness.virtual.cloud import Choices

    return [{"name": row.name, "value": row.value, "why": row.why} for row in Choices().table()]


def machines() -> dict[str, tuple[str, list[dict[str, str]]]]:
    """Return every state machine by name: as text, and as rows."""
    from harness.virtual.cloud import MACHINES

    titles: dict[str, tuple[str, list[dict[str, str]]]] = {}
    for machine in MACHINES:
        title = machine.name if machine.name not in titles else f"Programmable Wireless {machine.name}"
        titles[title] = (machine.table(), machine.rows())
    return titles


def codes() -> list[dict[str, object]]:
    """Return every error code of Super SIM and Programmable Wireless: HTTP status (None if in no response), meaning."""
    from harness.virtual.cloud.refusals import CATALOGUE, STATUS

    return [{"code": code, "status": STATUS.get(code), "meaning": meaning} for code, meaning in CATALOGUE.items()]


def webhooks() -> list[dict[str, object]]:
    """Return every kind of webhook with the names of its parameters."""
    from harness.virtual.cloud.webhook_parameters import PARAMETERS

    return [{"kind": kind.value, "parameters": [name for name, _ in parameters]}
            for kind, parameters in PARAMETERS.items()]
