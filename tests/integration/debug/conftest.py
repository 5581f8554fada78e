"""A real virtual board that runs the heartbeat fixture, and its debug port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.formats.elf import ElfImage
from harness.virtual.board.board import Board
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.world import World

HEARTBEAT = Path(__file__).parents[3] / "firmware_fixtures" / "heartbeat" / "heartbeat.elf"


@pytest.fixture(scope="session")
def heartbeat() -> ElfImage:
    return ElfImage.read(HEARTBEAT.read_bytes())


@pytest.fixture
def world() -> Iterator[World]:
    world = World(seed=1)
    yield world
    world.close()


@pytest.fixture
def board(world: World, heartbeat: ElfImage) -> Iterator[Board]:
    board = Board(world, None, name="board-1", device_sid="UV" + "0" * 32)
    board.install(heartbeat)
    board.power_on()
    yield board
    board.close()


@pytest.fixture
def uid(board: Board, world: World) -> Iterator[str]:
    """Unique id of the board's debug probe."""
    port = board.debug = DebugPort(board, world)
    yield registry.register(port)
    registry.unregister(port)
