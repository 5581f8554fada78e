"""The virtual board: core, peripherals, kernel and flash, joined in one world.

Theory of operation. The board's :class:`~.runner.CoreRunner` is a runner of its world: between events it lets the core
execute, up to the next thing that happens anywhere. The core counts cycles; nanoseconds are made of them exactly. What
happens inside the board at a given cycle (a timer, a character on a serial line) is on the runner's agenda; what
concerns the outside (the kernel's timers, messages to the cloud) are events of the world. A run ends early when
something was posted that may happen before it would have ended.

A core that sleeps is not run while only others have something to do. Before anybody touches it from outside,
:meth:`Board.sync` lets it sleep up to the present.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from harness.clock import Duration, RandomStream, to_ns
from harness.errors import UsageError
from harness.formats.bundle import Bundle, Memory
from harness.formats.elf import ElfImage
from harness.journal import Fact
from harness.virtual.board.aftermath import Aftermath
from harness.virtual.board.chip_side import ChipSide
from harness.virtual.board.cloud_link import CloudLink
from harness.virtual.board.core import CoreChoice, make_core
from harness.virtual.board.core.interface import (
    FACTORY_BASE,
    FLASH_BASE,
    FLASH_SIZE,
    RAM_BASE,
    RAM_SIZE,
    Core,
    HaltReason,
)
from harness.virtual.board.factory_data import factory_data
from harness.virtual.board.flash import FlashStore, PowerCut
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.kernel.kernel import Kernel, KernelSettings
from harness.virtual.board.kernel.memory import GuestMemory
from harness.virtual.board.parts import AppState, CoreFactory, DebugListener, SymbolsOf
from harness.virtual.board.peripherals.clock_tree import ClockTree, clock_tree
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.power_states import PowerStates
from harness.virtual.board.runner import CoreRunner
from harness.virtual.board.timebase import Appointment
from harness.virtual.internet.seams import Internet
from harness.virtual.uplink import ToDevice, Uplink
from harness.virtual.world import Event, World

_NVIC_ISPR, _NVIC_IABR, _VTOR = 0xE000_E200, 0xE000_E300, 0xE000_ED08

CALL_CYCLES = 1_000
"""What a call of the kernel takes beside its veneer. Our choice: no figure was published, and a loop that polls a call
would else poll hundreds of times oftener than silicon can."""


class Board(CloudLink, ChipSide, Aftermath, PowerStates):
    """One virtual board.

    Args:
        world: the world it lives in.
        uplink: the way to the cloud. Without one the board believes in a cloud that tells the time and nothing else,
            so that applications which wait for a connection get going.
        name: name in its rig.
        device_sid: ``UV`` and 32 hex digits.
        hclk_hz: the clock of core and buses.
        core: ``auto``, ``python``, ``c``, or a function that makes a core.
        skip_idle: whether to skip loops of the application that only wait; nothing else changes by it.
        symbols: the application's ELF image, for crash reports; :meth:`install` of an ELF image sets it.
        strict: whether an access to a register that is not modelled is a bus error.
        settings: of the kernel.
        store: flash chips that keep what they hold; new and blank ones by default.
        internet: what applications reach by HTTP and MQTT; nothing by default.
        symbols_of: finds the ELF image of a bundle by its hash (``sha256:...``), for those that come from the cloud.

    Example::

        board = Board(world, None, name="board-1", device_sid="UV" + "0" * 32)
        board.install(ElfImage.read(data))
        board.power_on()
        world.clock.sleep("10s")
    """

    def __init__(self, world: World, uplink: Uplink | None = None, *, name: str, device_sid: str,
                 hclk_hz: int = 64_000_000, core: CoreChoice | CoreFactory = "auto", skip_idle: bool = True,
                 symbols: ElfImage | None = None, strict: bool = False, settings: KernelSettings | None = None,
                 store: FlashStore | None = None, internet: Internet | None = None,
                 symbols_of: SymbolsOf | None = None) -> None:
        if len(device_sid) != 34 or device_sid[:2] != "UV":
            raise UsageError(f"a device SID is UV and 32 hex digits, not {device_sid!r}")
        self.world = world
        self.name = name
        self.debug: DebugListener | None = None
        """The debug port, if there is one."""
        self.debugger_attached = False
        self.store = store or FlashStore()
        self._device_sid = device_sid
        CloudLink.__init__(self, uplink, internet)
        Aftermath.__init__(self, symbols, symbols_of)
        PowerStates.__init__(self)
        self._settings = settings or KernelSettings()
        self._clocks = clock_tree(hclk_hz)
        self._kernel: Kernel | None = None
        self._epoch = 0  # counts periods of power
        self._generation = 0  # counts lives of the kernel
        self._app = AppState.NONE
        self._start_wanted: MvWakeReason | None = None
        self._power_failed = False
        self._lines: dict[int, bool] = {}  # interrupt lines of peripherals that are high
        self.core: Core = make_core(self, core, skip_idle=skip_idle) if isinstance(core, str) else core(self)
        self._runner = CoreRunner(world, self.core, hclk_hz, stopped=self._after_stop)
        self.soc = Soc(self, self._clocks, strict=strict)
        self._memory = GuestMemory(self.core)
        self.core.program(FACTORY_BASE, factory_data(device_sid))

    def __repr__(self) -> str:
        return f"Board({self.name!r}, {self._app.name}, powered={self.is_powered}, {self.store!r})"

    # -- for tests and rigs -------------------------------------------------------------------------------------------

    @property
    def device_sid(self) -> str:
        return self._device_sid

    @property
    def is_powered(self) -> bool:
        return self._kernel is not None

    @property
    def app_state(self) -> AppState:
        """What the application is doing."""
        return self._app

    @property
    def kernel(self) -> Kernel:
        """The kernel of this period of power.

        Raises:
            UsageError: the board is off.
        """
        if self._kernel is None:
            raise UsageError(f"{self.name} has no power")
        return self._kernel

    def power_on(self) -> None:
        """Switch the board on: kernel and application start.

        Raises:
            UsageError: it is on already.
            PowerCut: the power failed again while an interrupted installation was completed.
        """
        if self.is_powered:
            raise UsageError(f"{self.name} is on already: somebody else may be using it")
        recovered = self.store.boot()
        self._epoch += 1
        self._runner.go(self.world.now())
        self.soc.power_on()
        self._record("board", "powered_on")
        self.world.add_runner(self._runner)
        self._boot(MvWakeReason.APPLICATIONUPDATE if recovered else MvWakeReason.COLDBOOT, recovered=recovered)

    def power_off(self) -> None:
        """Cut the power; no error if it is off."""
        if not self.is_powered:
            return
        self._record("board", "powered_off")
        self._lose_power()

    def reset(self, reason: MvWakeReason = MvWakeReason.DEBUGGERRESTART) -> None:
        """Restart the application, as a pulse on nRESET does.

        Raises:
            UsageError: the board is off.
        """
        if not self.is_powered:
            raise UsageError(f"{self.name} has no power")
        self.sync()
        self.start_application(reason)

    def install(self, image: ElfImage | Bundle, app_sid: str | None = None) -> str:
        """Put an application into flash at once, without any cloud; return its SID. If the board is on, it starts.

        Args:
            app_sid: by default made from the image's content.
        """
        sid, manifest, layers = _parts(image, app_sid)
        self.store.install(sid, manifest, layers)
        if isinstance(image, ElfImage):
            self.symbols, self._symbols_app = image, sid
        self._record("board", "application_installed", app=sid)
        if self.is_powered:
            self.sync()
            self.kernel.application_changed()
            self.start_application(MvWakeReason.APPLICATIONUPDATE)
        return sid

    def stage_final(self, image: ElfImage | Bundle, app_sid: str | None = None) -> str:
        """Put into external flash the application that a passed factory test installs; return its SID."""
        sid, manifest, layers = _parts(image, app_sid)
        self.store.stage_final(sid, manifest, layers)
        return sid

    def statistics(self) -> dict[str, object]:
        """Return counters for reports: cycles, system calls by slot, flash operations, log and notification rings."""
        kernel = self._kernel
        return {"cycles": self.core.cycles, "flash_operations": self.store.power.operations,
                "appointments": self._runner.appointments, **({} if kernel is None else {
                    "system_calls": dict(kernel.dispatcher.counts), "log": kernel.logging.statistics(),
                    "notifications": kernel.notifications.statistics()})}

    def close(self) -> None:
        """Cut the power and release the core. May be called twice."""
        self.power_off()
        self.core.close()

    # -- what the core says -------------------------------------------------------------------------------------------

    def _after_stop(self) -> None:
        """Do what had to wait until the core stopped."""
        if self._power_failed:
            self._power_failed = False
            self._power_cut()
        elif self._kernel_restart is not None:
            self._boot(self._kernel_restart)
        elif self._crash_report is not None:
            report, self._crash_report = self._crash_report, None
            self._crash(report)
        elif self._start_wanted is not None:
            reason, self._start_wanted = self._start_wanted, None
            self._start(reason)

    def system_call(self, slot: int) -> None:
        self._runner.touch()
        try:
            self.kernel.system_call(slot, self.core)
            self.core.spend(CALL_CYCLES)
        except PowerCut:
            self._power_failed = True
            self._runner.leave()

    def bus_read(self, address: int, size: int) -> int:
        return self.soc.bus.read(address, size)

    def bus_write(self, address: int, size: int, value: int) -> None:
        self._runner.touch()
        self.soc.bus.write(address, size, value)

    def reset_requested(self) -> None:
        self.start_application(MvWakeReason.REMOTEAPPLICATIONRESTART if self._runner.is_running
                               else MvWakeReason.DEBUGGERRESTART)

    def halted(self, reason: HaltReason) -> None:
        self._runner.freeze()
        if self.debug is not None:
            self.debug.halted(reason)

    # -- what the peripherals ask -------------------------------------------------------------------------------------

    @property
    def hclk_hz(self) -> int:
        return self._clocks.hclk

    @property
    def cycles(self) -> int:
        return self.core.cycles

    def schedule(self, cycle: int, action: Callable[[], None]) -> Appointment:
        """Let ``action`` happen at a cycle, between two blocks of the application."""
        return self._runner.schedule(cycle, action)

    def set_irq(self, irq: int, asserted: bool) -> None:
        """Raise or lower an interrupt line of a peripheral."""
        if self._lines.get(irq, False) == asserted:
            return
        self._lines[irq] = asserted
        if asserted:
            self.pend(irq)
        else:
            if self._kernel is not None:
                self._kernel.fast_interrupts.withdraw(irq)
            self.core.set_line(irq, False)

    def record_fact(self, event: str, **data: Fact) -> None:
        """Write a fact of the peripherals to the journal."""
        self._record("board", event, **data)

    def posted(self) -> None:
        """Let the world look soon at what was set going."""
        self._runner.leave()

    # -- what the kernel asks -----------------------------------------------------------------------------------------

    @property
    def memory(self) -> GuestMemory:
        return self._memory

    @property
    def clocks(self) -> ClockTree:
        return self._clocks

    @property
    def in_handler(self) -> bool:
        return self.core.exception != 0

    def now(self) -> int:
        return self._runner.now()

    def sync(self) -> None:
        """Let the core come to the present, before something touches it from outside."""
        self._runner.sync()

    def call_later(self, delay: Duration, action: Callable[[], None], name: str) -> Event:
        generation = self._generation
        return self.call_on_chip(
            delay, lambda: self._guard(action) if generation == self._generation else None, name)

    def call_on_chip(self, delay: Duration, action: Callable[[], None], name: str) -> Event:
        """Let ``action`` happen after ``delay``, in deep sleep too, unless the power goes off before."""
        epoch = self._epoch

        def guarded() -> None:
            if epoch == self._epoch:
                self.sync()
                action()

        instant = self.now() + to_ns(delay)
        self._runner.posted_at(instant)
        return self.world.call_at(instant, guarded, name=f"{self.name}: {name}")

    def random(self, name: str) -> RandomStream:
        return self.world.random(f"{self.name} {name}")

    def record(self, event: str, **data: Fact) -> None:
        self._record("kernel", event, **data)

    def pend(self, irq: int) -> None:
        if self._wake_by_irq(irq):
            return
        if self._kernel is not None and not self._kernel.fast_interrupts.admits(irq):
            return
        if self._lines.get(irq, False):
            self.core.set_line(irq, True)
        else:
            self.core.pend(irq)
        self._runner.parked = False
        self.world.wake()

    def withhold(self, irq: int) -> bool:
        """Keep an interrupt from the core; return whether it was pending or its line is high."""
        word = int.from_bytes(self.core.read_memory(_NVIC_ISPR + 4 * (irq // 32), 4), "little")
        self.core.set_line(irq, False)
        self.core.unpend(irq)
        return bool(word >> irq % 32 & 1) or self._lines.get(irq, False)

    def is_active(self, irq: int) -> bool:
        """Return whether the handler of an interrupt has begun and not ended."""
        word = int.from_bytes(self.core.read_memory(_NVIC_IABR + 4 * (irq // 32), 4), "little")
        return bool(word >> irq % 32 & 1)

    @property
    def vector_table(self) -> int:
        return int.from_bytes(self.core.read_memory(_VTOR, 4), "little")

    def restart_application(self, reason: MvWakeReason) -> None:
        if self._app is not AppState.STOPPED:
            self.start_application(reason)

    def read_register(self, address: int) -> int | None:
        return self.soc.peek(address)

    def poke_register(self, address: int, mask: int, xor: int) -> bool:
        return self.soc.poke(address, mask, xor)

    def from_cloud(self, message: ToDevice) -> None:
        """Take a message of the cloud."""
        if self._kernel is not None:
            kernel = self._kernel
            self.sync()
            self._guard(lambda: kernel.from_cloud(message))

    # -- application control ------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self._app is AppState.RUNNING

    @property
    def is_stopped(self) -> bool:
        return self._app is AppState.STOPPED

    def stop_application(self) -> None:
        if self._app is not AppState.NONE:
            self._set_state(AppState.STOPPED)

    def start_application(self, reason: MvWakeReason) -> None:
        if self._runner.is_running:
            self._start_wanted = reason
            self._runner.leave()
        else:
            self._start(reason)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _set_state(self, state: AppState) -> None:
        self._app = state
        if state is AppState.RUNNING:
            self._runner.active = True
        else:
            self._runner.stop()

    def _start(self, reason: MvWakeReason) -> None:
        kernel = self.kernel
        now = self.now()
        self._start_wanted = self._crash_report = self._kernel_restart = None
        self._forget_wake_pins()
        self._set_state(AppState.NONE)  # a lockup for want of code is no crash
        self.soc.reset()
        for irq in [irq for irq, high in self._lines.items() if high]:
            self.set_irq(irq, False)
        image = self.store.image()
        if self.core.read_memory(FLASH_BASE, FLASH_SIZE) != image:
            self.core.program(FLASH_BASE, image)
        self._find_symbols()
        kernel.application_stopped()
        kernel.application_started(reason)
        self._runner.go(now)
        if image[:8].count(0xFF) != 8:
            self._set_state(AppState.RUNNING)
            installed = self.store.installed
            self._record("board", "application_started", app=installed.app_sid if installed else "",
                         reason=reason.name.lower())
        self.core.reset()
        if self.debug is not None:
            self.debug.was_reset()
        self.world.wake()

    def _guard(self, action: Callable[[], None]) -> None:
        try:
            action()
        except PowerCut:
            self._power_cut()

    def _power_cut(self) -> None:
        self._record("board", "power_lost", operation=self.store.power.operations)
        self._lose_power()

    def _boot(self, reason: MvWakeReason, *, recovered: bool = False) -> None:
        """Start the kernel, and the application with it: nothing in memory is from before."""
        if self._kernel is not None:
            self._go_dark()
            self._record("board", "kernel_restarted", reason=reason.name.lower())
        self._generation += 1
        if self._kernel_update is not None:
            self._settings = replace(self._settings, kernel_version=self._kernel_update)
            self._kernel_update = None
        self.core.write_memory(RAM_BASE, bytes(RAM_SIZE))
        self._kernel = Kernel(self, self, self.store, self._settings)
        self._start(reason)
        self._kernel.boot(reason, recovered=recovered)

    def _go_dark(self) -> None:
        """Leave the cloud and everything that was reached through it, without a word."""
        if self._kernel is not None:
            self._kernel.channels.reset()
        self.go_offline()

    def _lose_power(self) -> None:
        self.soc.reset()  # outputs let go
        self._go_dark()
        self._kernel = None
        self._epoch += 1
        self._generation += 1
        self._forget_wake_pins()
        self._set_state(AppState.NONE)
        self.world.remove_runner(self._runner)
        if self.debug is not None:
            self.debug.power_lost()

    def _record(self, source: str, event: str, **data: Fact) -> None:
        self.world.journal.record(source, event, device=self.name, t=self.now(), **data)


def _parts(image: ElfImage | Bundle, app_sid: str | None) -> tuple[str, bytes, list[tuple[bool, int, bytes]]]:
    """Return SID, manifest and layers (whether internal, start, content) of an image."""
    if isinstance(image, Bundle):
        manifest = image.manifest_bytes
        layers = [(layer.region.memory is Memory.INTERNAL_FLASH, layer.region.start, layer.content)
                  for layer in image.layers]
    else:
        manifest, layers = b"", [(True, 0, image.rom())]
    return app_sid or "KA" + hashlib.sha256(b"".join(content for *_, content in layers)).hexdigest()[:32], (
        manifest), layers
