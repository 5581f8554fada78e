"""Waiting for the store, on the event loop: an answer must not leave before what it tells is kept."""

from __future__ import annotations

import asyncio
import contextlib

from harness.errors import StoreError
from harness.virtual.cloud.persistence import Keeper
from harness.virtual.cloud.refusals import INTERNAL, Refused


async def kept(keeper: Keeper) -> None:
    """Return when all changes up to now are kept.

    Raises:
        Refused: the store can't take them: the client must not believe that they will last.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[StoreError | None] = loop.create_future()

    def finish(trouble: StoreError | None) -> None:
        if not future.done():
            future.set_result(trouble)

    def tell(trouble: StoreError | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(finish, trouble)

    keeper.when_kept(tell)
    if await future is not None:
        raise Refused(INTERNAL, "Internal error: the state can't be written", status=500)
