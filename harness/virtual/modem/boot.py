"""What a module does and says from power-on until it is ready, step by step, as its profile has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.virtual.modem.profile import BootStep

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.world import Event


class BootSequence:
    """The boot sequence of one modem.

    Attributes:
        steps: all of them, with the times of the modem's pace.
    """

    def __init__(self, modem: VirtualModem) -> None:
        self.steps = modem.timings.boot(modem.profile.boot)
        self._modem = modem
        self._left: tuple[BootStep, ...] = ()
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"BootSequence({len(self._left)} of {len(self.steps)} steps left)"

    @property
    def waits_for_pin(self) -> bool:
        """Whether a step that needs an unlocked card is still to come."""
        return any(step.needs_pin for step in self._left)

    def begin(self, *, late: int = 0) -> None:
        """Begin with the first step, ``late`` nanoseconds later than usual."""
        self._go_on(self.steps)
        if self.steps and late:
            self._go_on((replace(self.steps[0], after=self.steps[0].after + late), *self.steps[1:]))

    def stop(self) -> None:
        """Do and say no more. No effect if it is over."""
        self._go_on(())

    def start_sim(self) -> None:
        """Do what comes from the start of the SIM card on, unless it is about to come anyway."""
        actions = [step.action for step in self.steps]
        if "sim" in actions and not any(step.action == "sim" for step in self._left):
            self._go_on(self.steps[actions.index("sim"):])

    def unlocked(self) -> None:
        """Say what was left out because the card asked for its PIN."""
        if not self._left:
            self._go_on(tuple(step for step in self.steps if step.needs_pin))

    def _go_on(self, steps: tuple[BootStep, ...]) -> None:
        if self._event is not None:
            self._event.cancel()
        self._left = steps
        self._event = self._modem.later(steps[0].after, lambda: self._take(steps), name="modem-boot") if steps else None

    def _take(self, steps: tuple[BootStep, ...]) -> None:
        step, modem = steps[0], self._modem
        if step.action == "sim":
            modem.start_card()
        elif step.action == "network":
            modem.radio.search()
        if self._is_told(step):
            greeting = modem.settings.text("+CSGT", 1) if "+CSGT" in modem.settings else ""
            cpin = modem.slot.cpin if modem.slot.card is not None else modem.profile.text("no_card")
            if word := step.urc.format(cpin=cpin, fun=modem.radio.functionality, greeting=greeting):
                modem.urc(word)
        self._go_on(steps[1:])

    def _is_told(self, step: BootStep) -> bool:
        modem = self._modem
        if (step.needs_pin and not modem.slot.ready) or (step.needs_sim and not modem.slot.started):
            return False
        return not step.when or modem.settings.allows(step.when)
