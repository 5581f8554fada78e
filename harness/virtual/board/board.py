"""The virtual board: core, peripherals, kernel and flash, joined in one world.

Theory of operation. The board is a runner of its world: between events it lets its core execute, up to the next thing
that happens anywhere. The core counts cycles; :class:`~.timebase.Timebase` makes nanoseconds of them, exactly. What
happens inside the board at a given cycle (a timer, a character on a serial line) is on its own agenda; what concerns
the outside (the kernel's timers, messages to the cloud) are events of the world. A run ends early when something was
posted that may happen before it would have ended.

A core that sleeps is not run while only others have something to do. Before anybody touches it from outside,
:meth:`Board.sync` lets it sleep up to the present.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from harness.clock import Duration, RandomStream, to_ns
from harness.errors import UsageError
from harness.formats.bundle import Bundle, Memory
from harness.formats.elf import ElfImage
from harness.journal import Entry, Fact
from harness.virtual.board.core.interface import (
    FLASH_BASE,
    FLASH_SIZE,
    RAM_BASE,
    RAM_SIZE,
    Core,
    CoreClient,
    CoreState,
    FaultRecord,
    HaltReason,
)
from harness.virtual.board.flash import FlashStore, PowerCut
from harness.virtual.board.kernel.crash import describe_fault, is_crash
from harness.virtual.board.kernel.enums import MvWakeReason
from harness.virtual.board.kernel.kernel import Kernel, KernelSettings
from harness.virtual.board.kernel.memory import GuestMemory
from harness.virtual.board.peripherals.clock_tree import ClockTree, clock_tree
from harness.virtual.board.peripherals.gpio import Pin
from harness.virtual.board.peripherals.soc import Soc
from harness.virtual.board.peripherals.usart import Usart
from harness.virtual.board.timebase import Agenda, Appointment, Timebase
from harness.virtual.uplink import ToCloud, ToDevice, Uplink
from harness.virtual.world import QUANTUM, Event, World

CoreFactory = Callable[[CoreClient], Core]

_REAL_TIME_STEP = 1_000_000  # how much a busy board executes at a time when the clock is real, in nanoseconds
_REAL_TIME_LAG = 250_000_000  # how far it may fall behind before it gives up catching up
_NVIC_ISER, _NVIC_ISPR, _NVIC_WORDS = 0xE000_E100, 0xE000_E200, 4


class AppState(Enum):
    """What the application is doing."""

    NONE = auto()
    """There is no code in flash that could run."""
    RUNNING = auto()
    STOPPED = auto()
    """The kernel holds it: flash is about to change, or testing is over."""
    CRASHED = auto()
    """It waits for its restart."""
    ASLEEP = auto()
    """In deep sleep: it will boot."""


class DebugListener(Protocol):
    """A debug port, told what happens to the core."""

    def halted(self, reason: HaltReason) -> None: ...

    def was_reset(self) -> None: ...


def make_core(kind: str, client: CoreClient) -> Core:
    """Return a core: ``python``, or ``auto`` for the fastest there is.

    Raises:
        UsageError: there is no such core.
    """
    if kind in ("auto", "python"):
        from harness.virtual.board.core.python_core import PythonCore

        return PythonCore(client)
    raise UsageError(f"no core {kind!r}: cores are auto and python")


class Board:
    """One virtual board.

    Args:
        world: the world it lives in.
        uplink: the way to the cloud. Without one the board believes in a cloud that tells the time and nothing else,
            so that applications which wait for a connection get going.
        name: name in its rig.
        device_sid: ``UV`` and 32 hex digits.
        hclk_hz: the clock of core and buses.
        core: ``auto``, ``python``, or a function that makes a core.
        symbols: the application's ELF image, for crash reports; :meth:`install` of an ELF image sets it.
        strict: whether an access to a register that is not modelled is a bus error.
        settings: of the kernel.
        store: flash chips that keep what they hold; new and blank ones by default.

    Example::

        board = Board(world, None, name="board-1", device_sid="UV" + "0" * 32)
        board.install(ElfImage.read(data))
        board.power_on()
        world.clock.sleep("10s")
    """

    def __init__(self, world: World, uplink: Uplink | None = None, *, name: str, device_sid: str,
                 hclk_hz: int = 64_000_000, core: str | CoreFactory = "auto", symbols: ElfImage | None = None,
                 strict: bool = False, settings: KernelSettings | None = None, store: FlashStore | None = None) -> None:
        if len(device_sid) != 34 or device_sid[:2] != "UV":
            raise UsageError(f"a device SID is UV and 32 hex digits, not {device_sid!r}")
        self.world = world
        self.name = name
        self.debug: DebugListener | None = None
        """The debug port, if there is one."""
        self.debugger_attached = False
        self.symbols = symbols
        self.store = store or FlashStore()
        self._device_sid = device_sid
        self._uplink = uplink
        self._settings = settings or KernelSettings()
        self._clocks = clock_tree(hclk_hz)
        self._time = Timebase(hclk_hz)
        self._agenda = Agenda()
        self._kernel: Kernel | None = None
        self._epoch = 0  # counts periods of power
        self._app = AppState.NONE
        self._running = False  # inside Core.run or what it calls
        self._until = 0
        self._stop_cycle = 0
        self._yield = False
        self._frozen = False  # cycles stand still while time passes
        self._parked = False  # clocks stopped by the application
        self._start_wanted: MvWakeReason | None = None
        self._fault: FaultRecord | None = None
        self._power_failed = False
        self.core: Core = make_core(core, self) if isinstance(core, str) else core(self)
        self.soc = Soc(self, self._clocks, strict=strict)
        self._memory = GuestMemory(self.core)

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
        self._agenda.clear()
        self.soc.power_on()
        self._time.rebase(self.world.now(), self.core.cycles)
        self.core.write_memory(RAM_BASE, bytes(RAM_SIZE))
        self._record("board", "powered_on")
        self._kernel = Kernel(self, self, self.store, self._settings)
        self.world.add_runner(self)
        self._start(MvWakeReason.APPLICATIONUPDATE if recovered else MvWakeReason.COLDBOOT)
        self._kernel.boot(recovered=recovered)

    def power_off(self) -> None:
        """Cut the power; no error if it is off."""
        if not self.is_powered:
            return
        for usart in self.soc.usarts.values():
            usart.flush()
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

    def wake(self, reason: MvWakeReason = MvWakeReason.DEEPSLEEPAPPLICATION) -> None:
        """End a deep sleep; no error if the application is not in one."""
        if self._app is AppState.ASLEEP:
            self.start_application(reason)

    def install(self, image: ElfImage | Bundle, app_sid: str | None = None) -> str:
        """Put an application into flash at once, without any cloud; return its SID. If the board is on, it starts.

        Args:
            app_sid: by default made from the image's content.
        """
        if isinstance(image, Bundle):
            manifest = image.manifest_bytes
            layers = [(layer.region.memory is Memory.INTERNAL_FLASH, layer.region.start, layer.content)
                      for layer in image.layers]
        else:
            manifest, layers = b"", [(True, 0, image.rom())]
            self.symbols = image
        sid = app_sid or "KA" + hashlib.sha256(b"".join(content for *_, content in layers)).hexdigest()[:32]
        self.store.install(sid, manifest, layers)
        self._record("board", "application_installed", app=sid)
        if self.is_powered:
            self.sync()
            self.kernel.application_changed()
            self.start_application(MvWakeReason.APPLICATIONUPDATE)
        return sid

    def pin(self, name: str) -> Pin:
        """Return a pin by its name, ``PA5``.

        Raises:
            UsageError: there is no such pin.
        """
        return self.soc.pin(name)

    def uart(self, name: str) -> Usart:
        """Return a serial interface by its name, ``USART2``.

        Raises:
            UsageError: there is none of this name.
        """
        return self.soc.uart(name)

    def symbolise(self, address: int) -> str | None:
        """Return ``function+0x12`` for an address in the application, None if not known."""
        found = self.symbols.function_at(address) if self.symbols is not None else None
        return None if found is None else f"{found[0]}+0x{found[1]:x}"

    def statistics(self) -> dict[str, object]:
        """Return counters for reports: cycles, system calls by slot, flash operations, log and notification rings."""
        kernel = self._kernel
        return {"cycles": self.core.cycles, "flash_operations": self.store.power.operations,
                "appointments": len(self._agenda), **({} if kernel is None else {
                    "system_calls": dict(kernel.dispatcher.counts), "log": kernel.logging.statistics(),
                    "notifications": kernel.notifications.statistics()})}

    def close(self) -> None:
        """Cut the power and release the core. May be called twice."""
        self.power_off()
        self.core.close()

    # -- runner of the world ------------------------------------------------------------------------------------------

    @property
    def _executes(self) -> bool:
        return self._app is AppState.RUNNING and not self._parked

    def next_due(self) -> int | None:
        """Return when the core has something to execute, None if only an event can give it something."""
        if not self._executes or self._is_standing():
            return None
        cycles = [cycle for cycle in (self.core.next_wake(), self._agenda.next()) if cycle is not None]
        if not cycles:
            return None
        due = self._time.to_ns(min(cycles))
        if not self.world.is_virtual:
            return max(due, self._time.to_ns(self.core.cycles) + _REAL_TIME_STEP)
        return due

    def run(self, until: int) -> int:
        """Execute up to an instant; return the instant reached."""
        if not self._executes or self._is_standing():
            return until
        until = self._bound(until)
        target = self._time.to_cycles(until)
        core = self.core
        self._running, self._yield, self._until = True, False, until
        try:
            while core.cycles < target:
                appointment = self._agenda.next()
                self._stop_cycle = target if appointment is None else min(target, appointment)
                if core.cycles < self._stop_cycle:
                    core.run(self._stop_cycle)
                self._after_stop()
                if not self._executes or self._is_standing():
                    return until
                while not self._yield and (action := self._agenda.take(core.cycles)) is not None:
                    self._touch()
                    action()
                if self._yield:
                    return min(until, self._time.to_ns(core.cycles))
            return until
        finally:
            self._running = False
            self.world.set_local_time(None)

    def sync(self) -> None:
        """Let the core come to the present, before something touches it from outside."""
        if not self._running and self._executes and self._time.to_cycles(self.world.now()) > self.core.cycles:
            self.run(self.world.now())

    def _is_standing(self) -> bool:
        """Return whether the core's cycles stand still; tie them to the present when they begin to go on."""
        if self.core.state in (CoreState.HALTED, CoreState.LOCKUP):
            self._frozen = True
        elif self._frozen:
            self._frozen = False
            self._time.rebase(self.world.now(), self.core.cycles)
        return self._frozen

    def _bound(self, until: int) -> int:
        """Return how far to run at a time: with a real clock a little, and never far behind."""
        if self.world.is_virtual:
            return until
        behind = until - self._time.to_ns(self.core.cycles)
        if behind > _REAL_TIME_LAG:
            self._time.rebase(until - QUANTUM, self.core.cycles)
        return min(until, self._time.to_ns(self.core.cycles) + QUANTUM)

    def _touch(self) -> None:
        """Let the world's time be the core's while it calls out."""
        if self._running:
            self.world.set_local_time(self._time.to_ns(self.core.cycles))

    def _after_stop(self) -> None:
        """Do what had to wait until the core stopped."""
        self._touch()
        if self._power_failed:
            self._power_failed = False
            self._power_cut()
        elif self._fault is not None:
            record, self._fault = self._fault, None
            self._crash(record)
        elif self._start_wanted is not None:
            reason, self._start_wanted = self._start_wanted, None
            self._start(reason)

    # -- what the core says -------------------------------------------------------------------------------------------

    def system_call(self, slot: int) -> None:
        self._touch()
        try:
            self.kernel.system_call(slot, self.core)
        except PowerCut:
            self._power_failed = True
            self._leave()

    def bus_read(self, address: int, size: int) -> int:
        return self.soc.bus.read(address, size)

    def bus_write(self, address: int, size: int, value: int) -> None:
        self._touch()
        self.soc.bus.write(address, size, value)

    def faulted(self, record: FaultRecord) -> None:
        if self._app is not AppState.RUNNING:
            return
        self._touch()
        if not is_crash(record):
            self._record("board", "fault_taken", exception=record.exception, cfsr=f"0x{record.cfsr:08x}",
                         pc=f"0x{record.registers.get('pc', 0):08x}")
        elif self._fault is None:
            self._fault = record
            self._leave()
            if not self._running:
                self._after_stop()

    def reset_requested(self) -> None:
        self.start_application(MvWakeReason.REMOTEAPPLICATIONRESTART if self._running else MvWakeReason.DEBUGGERRESTART)

    def halted(self, reason: HaltReason) -> None:
        self._frozen = True
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
        if self._running and cycle < self._stop_cycle:
            self.core.request_stop()
        return self._agenda.add(cycle, action)

    def set_irq(self, irq: int, asserted: bool) -> None:
        """Raise or lower an interrupt line of a peripheral."""
        if asserted:
            self.pend(irq)
        else:
            if self._kernel is not None:
                self._kernel.fast_interrupts.withdraw(irq)
            self.core.unpend(irq)

    def record_fact(self, event: str, **data: Fact) -> None:
        """Write a fact of the peripherals to the journal."""
        self._record("board", event, **data)

    def posted(self) -> None:
        """Let the world look soon at what was set going."""
        if self._running:
            self._leave()

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
        if self._executes and not self._frozen:
            return max(self._time.to_ns(self.core.cycles), 0 if self._running else self.world.now())
        return self.world.now()

    def call_later(self, delay: Duration, action: Callable[[], None], name: str) -> Event:
        epoch = self._epoch

        def guarded() -> None:
            if epoch == self._epoch:
                self.sync()
                self._guard(action)

        instant = self.now() + to_ns(delay)
        if instant < self._until:
            self.posted()
        return self.world.call_at(instant, guarded, name=f"{self.name}: {name}")

    def random(self, name: str) -> RandomStream:
        return self.world.random(f"{self.name} {name}")

    def record(self, event: str, **data: Fact) -> Entry:
        return self._record("kernel", event, **data)

    def pend(self, irq: int) -> None:
        if self._kernel is not None and not self._kernel.fast_interrupts.admits(irq):
            return
        self.core.pend(irq)
        if self._parked:
            self._parked = False
            self._time.rebase(self.world.now(), self.core.cycles)
        self.world.wake()

    def restart_application(self, reason: MvWakeReason) -> None:
        if self._app is not AppState.STOPPED:
            self.start_application(reason)

    def stop_until_interrupt(self) -> None:
        enabled = self.core.read_memory(_NVIC_ISER, 4 * _NVIC_WORDS)
        pending = self.core.read_memory(_NVIC_ISPR, 4 * _NVIC_WORDS)
        if not any(a & b for a, b in zip(enabled, pending, strict=True)):
            self._parked = True
            self._leave()

    def deep_sleep(self, wake_after: int | None) -> None:
        self._app = AppState.ASLEEP
        self._leave()
        if wake_after is not None:
            self.call_later(wake_after, lambda: self.wake(MvWakeReason.DEEPSLEEPCHECKIN), "deep sleep")

    def read_register(self, address: int) -> int | None:
        return self.soc.peek(address)

    def poke_register(self, address: int, mask: int, xor: int) -> bool:
        return self.soc.poke(address, mask, xor)

    @property
    def has_uplink(self) -> bool:
        return self._uplink is not None

    def unix_microseconds(self) -> int:
        return int(self.world.epoch.timestamp()) * 1_000_000 + self.world.epoch.microsecond + self.now() // 1_000

    def go_online(self) -> None:
        if self._uplink is not None:
            self._uplink.connect(self._device_sid, self)

    def go_offline(self) -> None:
        if self._uplink is not None:
            self._uplink.disconnect(self._device_sid)

    def send(self, message: ToCloud) -> None:
        if self._uplink is not None:
            self._touch()
            self._uplink.to_cloud(self._device_sid, message)
            if self.now() + self._uplink.latency < self._until:
                self.posted()

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
            self._app = AppState.STOPPED
            self._leave()

    def start_application(self, reason: MvWakeReason) -> None:
        if self._running:
            self._start_wanted = reason
            self._leave()
        else:
            self._start(reason)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """End the current run at the next block."""
        if self._running:
            self._yield = True
            self.core.request_stop()

    def _start(self, reason: MvWakeReason) -> None:
        kernel = self.kernel
        now = self.now()
        self._parked = self._frozen = False
        self._start_wanted = self._fault = None
        self._agenda.clear()
        self.soc.reset()
        image = self.store.image()
        if self.core.read_memory(FLASH_BASE, FLASH_SIZE) != image:
            self.core.program(FLASH_BASE, image)
        kernel.application_stopped()
        self._app = AppState.NONE  # a lockup for want of code is no crash
        blank = image[:8].count(0xFF) == 8
        kernel.application_started(reason)
        if not blank:
            self._app = AppState.RUNNING
            installed = self.store.installed
            self._record("board", "application_started", app=installed.app_sid if installed else "",
                         reason=reason.name.lower())
        self._time.rebase(now, self.core.cycles)
        self.core.reset()
        if self.debug is not None:
            self.debug.was_reset()
        self.world.wake()

    def _crash(self, record: FaultRecord) -> None:
        text = describe_fault(record, self.symbolise)
        self._app = AppState.CRASHED
        self._record("board", "application_crashed", text=text, lockup=record.lockup, exception=record.exception,
                     cfsr=f"0x{record.cfsr:08x}", hfsr=f"0x{record.hfsr:08x}",
                     registers={name: f"0x{value:08x}" for name, value in record.registers.items()})
        self.kernel.crashed(record, text)

    def _guard(self, action: Callable[[], None]) -> None:
        try:
            action()
        except PowerCut:
            self._power_cut()

    def _power_cut(self) -> None:
        self._record("board", "power_lost", operation=self.store.power.operations)
        self._lose_power()

    def _lose_power(self) -> None:
        self._kernel = None
        self._epoch += 1
        self._app = AppState.NONE
        self._parked = self._frozen = False
        self._agenda.clear()
        self.go_offline()
        self.world.remove_runner(self)

    def _record(self, source: str, event: str, **data: Fact) -> Entry:
        return self.world.journal.record(source, event, device=self.name, t=self.now(), **data)
