"""What a board's journal entries say to people who watch it run."""

from __future__ import annotations

from harness.journal import Entry

_HIDDEN = ("app_reported", "restart_scheduled")


def describe(entry: Entry) -> tuple[str, str] | None:
    """Return what an entry is (``log``, ``uart``, ``pin``, ``kernel`` or ``crash``) and readable text.

    None for entries that are not of a board, or add nothing for somebody who watches.
    """
    if entry.source not in ("board", "kernel") or entry.event in _HIDDEN:
        return None
    data = entry.data
    match entry.event:
        case "log_written":
            return ("kernel" if data["origin"] == "system" else "log"), str(data["text"])
        case "uart_line":
            return "uart", f"{data['uart']}: {data['text']}"
        case "pin_changed":
            return "pin", f"{data['pin']}={data['level']}"
        case "pwm_changed":
            return "pin", f"{data['pin']} PWM {data['frequency_hz']:g} Hz {data['duty']:.1%}"
        case "application_crashed":
            return "crash", str(data["text"])
    facts = " ".join(f"{name}={value}" for name, value in data.items() if value != "")
    return "kernel", f"{entry.event.replace('_', ' ')} {facts}".rstrip()
