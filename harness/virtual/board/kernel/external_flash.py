"""The application's part of the external flash chip: blocking, NOR behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.flash import SECTOR, USER_BASE, USER_SIZE, FlashStore
from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.handles import HandleTable
from harness.virtual.board.kernel.host import KernelHost

MAX_HANDLES = 32
CHIP_ID = 0x00C2_2817
"""JEDEC manufacturer, type and capacity of a 64 Mbit serial NOR flash."""


class ExternalFlash:
    """The calls on external flash. Addresses count from the beginning of the application's part."""

    def __init__(self, host: KernelHost, store: FlashStore) -> None:
        self._host = host
        self._chip = store.external
        self._handles: HandleTable[ExternalFlash] = HandleTable(MAX_HANDLES, MvStatus.TOOMANYCHANNELS,
                                                                host.random("external flash handles"))

    def __repr__(self) -> str:
        return f"ExternalFlash({len(self._handles)} handles)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvExternalFlashOpen": self._thread_only(self.open),
                "mvExternalFlashClose": self._thread_only(self.close),
                "mvExternalFlashGetInfo": self._thread_only(self.get_info),
                "mvExternalFlashReadBlocking": self._thread_only(self.read),
                "mvExternalFlashEraseBlocking": self._thread_only(self.erase),
                "mvExternalFlashWriteBlocking": self._thread_only(self.write)}

    def reset(self) -> None:
        """Forget all handles: the application that opened them is gone."""
        self._handles.clear()

    def _thread_only(self, call: Callable[..., MvStatus]) -> Callable[..., MvStatus]:
        return lambda *arguments: MvStatus.UNAVAILABLE if self._host.in_handler else call(*arguments)

    def _check(self, handle: int, address: int, length: int) -> MvStatus | None:
        self._handles.get(handle)
        return MvStatus.ADDRESSOUTOFRANGE if address + length > USER_SIZE else None

    # -- system calls --

    def open(self, handle: int) -> MvStatus:
        self._host.memory.write_uint(handle, self._handles.open(self))
        return MvStatus.OKAY

    def close(self, handle: int) -> MvStatus:
        self._handles.close(self._host.memory.read_uint(handle))
        self._host.memory.write_uint(handle, 0)
        return MvStatus.OKAY

    def get_info(self, handle: int, info: int) -> MvStatus:
        self._handles.get(handle)
        if self._host.memory.read_uint(info) != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        self._host.memory.pack(structures.MvExternalFlashInfo, info, version=1, chip_id=CHIP_ID, size=USER_SIZE,
                               num_handles=len(self._handles))
        return MvStatus.OKAY

    def read(self, handle: int, address: int, length: int, buffer: int) -> MvStatus:
        self._host.memory.check_write(buffer, length)
        refused = self._check(handle, address, length)
        if refused is None:
            self._host.memory.write(buffer, self._chip.read(USER_BASE + address, length))
        return refused or MvStatus.OKAY

    def erase(self, handle: int, address: int, length: int) -> MvStatus:
        refused = self._check(handle, address, length)
        if refused is not None:
            return refused
        if address % SECTOR or length % SECTOR:
            return MvStatus.INVALIDBUFFERALIGNMENT
        for index in range((USER_BASE + address) // SECTOR, (USER_BASE + address + length) // SECTOR):
            self._chip.erase(index)
        return MvStatus.OKAY

    def write(self, handle: int, address: int, length: int, buffer: int) -> MvStatus:
        data = self._host.memory.read(buffer, length)
        refused = self._check(handle, address, length)
        if refused is None:
            self._chip.write(USER_BASE + address, data)
        return refused or MvStatus.OKAY
