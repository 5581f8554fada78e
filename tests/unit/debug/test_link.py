"""The socket between two processes, here between two threads: one debugger, bounded, and never a hang."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import RealClock, Stopwatch
from harness.errors import PortTaken, ProbeError
from harness.virtual.board.core.interface import RAM_BASE
from harness.virtual.board.debug import registry, wire
from harness.virtual.board.debug.link import RemoteLink, SwdServer, socket_uid
from harness.virtual.board.debug.operations import MAX_WORDS, Fault, Kind, Operation
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.world import World

POWER_UP = (Operation(Kind.WRITE_DP, 4, (0x5000_0000,)), Operation(Kind.WRITE_DP, 8, (0,)),
            Operation(Kind.WRITE_AP, 0, (0x12,)))


@pytest.fixture
def world() -> Iterator[World]:
    world = World(seed=1, clock=RealClock())
    yield world
    world.close()


@pytest.fixture
def server(world: World, port: DebugPort, tmp_path: Path) -> Iterator[SwdServer]:
    server = SwdServer(world, port, tmp_path / "board-1.swd")
    world.start()
    yield server
    server.close()


def test_operations_and_faults_cross_the_socket(server: SwdServer) -> None:
    link = RemoteLink(server.path)
    assert link.execute([Operation(Kind.READ_DP, 0), *POWER_UP]) == [0x0BE1_2477]
    words = tuple(range(5000))
    link.execute([Operation(Kind.WRITE_AP, 4, (RAM_BASE + 0x400,)), Operation(Kind.WRITE_AP_BLOCK, 0xC, words[:256])])
    link.execute([Operation(Kind.WRITE_AP, 4, (RAM_BASE + 0x400,))])
    assert link.execute([Operation(Kind.READ_AP_BLOCK, 0xC, count=256)]) == list(words[:256])
    assert len(link.execute([Operation(Kind.READ_AP_BLOCK, 0xC, count=MAX_WORDS)] * 12)) == 12 * MAX_WORDS
    with pytest.raises(Fault, match="bus error: read at 0x90000000") as caught:
        link.execute([Operation(Kind.READ_DP, 0), Operation(Kind.WRITE_AP, 4, (0x9000_0000,)),
                      Operation(Kind.READ_AP, 0xC)])
    assert caught.value.results == [0x0BE1_2477]
    with pytest.raises(ProbeError, match="a DP register address is 0x0, 0x4, 0x8 or 0xC"):
        link.execute([Operation(Kind.READ_DP, 3)])
    with pytest.raises(ProbeError, match="at most 200000 words"):
        link.execute([Operation(Kind.READ_AP_BLOCK, 0xC, count=MAX_WORDS)] * 13)
    assert link.execute([Operation(Kind.READ_DP, 0)]) == [0x0BE1_2477], "a refused request left the link unusable"
    link.close()
    with pytest.raises(ProbeError, match="the debug probe is closed"):
        link.execute([])


def test_the_second_debugger_is_told_that_the_board_is_busy(server: SwdServer) -> None:
    first = RemoteLink(server.path)
    with pytest.raises(ProbeError, match="board-1 is busy: another debugger is connected"):
        RemoteLink(server.path)
    assert first.execute([Operation(Kind.READ_DP, 0)]) == [0x0BE1_2477]
    first.close()
    _connect_again(server.path).close()


def _connect_again(path: Path) -> RemoteLink:
    watch = Stopwatch()
    while True:  # the server notices the hang-up a moment later
        try:
            return RemoteLink(path)
        except ProbeError:
            assert watch.seconds < 5


def test_a_server_that_goes_away_ends_the_session(server: SwdServer) -> None:
    link = RemoteLink(server.path)
    server.close()
    server.close()
    with pytest.raises(ProbeError, match=r"lost the board on .*board-1\.swd"):
        link.execute([Operation(Kind.READ_DP, 0)])
    assert not server.path.exists()
    with pytest.raises(ProbeError, match="can't reach the board on"):
        RemoteLink(server.path)


def test_a_debugger_that_goes_away_frees_the_board(server: SwdServer, port: DebugPort) -> None:
    link = RemoteLink(server.path)
    link._socket.sendall(b"\x05")
    link.close()
    link = _connect_again(server.path)
    link.close()


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x03\0\0\0\x01\x01\x01"])
def test_garbage_is_refused_and_the_board_lives_on(server: SwdServer, garbage: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        client.connect(str(server.path))
        client.sendall(garbage)
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    link = _connect_again(server.path)
    assert link.execute([Operation(Kind.READ_DP, 0)]) == [0x0BE1_2477]
    link.close()


def test_a_debugger_that_never_reads_is_dropped(server: SwdServer, world: World) -> None:
    request = wire.frame(wire.encode_request([*POWER_UP, Operation(Kind.WRITE_AP, 4, (RAM_BASE,)),
                                              *[Operation(Kind.READ_AP_BLOCK, 0xC, count=MAX_WORDS)] * 12]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(str(server.path))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            client.sendall(request * 10_000)


def test_the_socket_of_somebody_else_is_left_alone(world: World, port: DebugPort, tmp_path: Path) -> None:
    taken = tmp_path / "board-1.swd"
    taken.write_text("mine")
    with pytest.raises(PortTaken, match="can't listen on"):
        SwdServer(world, port, taken)
    assert taken.read_text() == "mine"


def test_whoever_listens_without_knowing_the_protocol(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "x.swd"))
        listener.listen()
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(tmp_path / "x.swd"))
        peer, _ = listener.accept()
        client.close()
        peer.close()
        listener.close()
        with pytest.raises(ProbeError, match="can't reach the board on"):
            RemoteLink(tmp_path / "x.swd")


def test_the_unique_id_names_stack_and_board(server: SwdServer, tmp_path: Path) -> None:
    assert socket_uid(Path("/run/mvh/demo/board-1.swd")) == "mvh:demo/board-1"
    assert server.path in registry.own_sockets()
    server.close()
    assert server.path not in registry.own_sockets()
    assert repr(server) == f"SwdServer('{tmp_path}/board-1.swd', free)"
