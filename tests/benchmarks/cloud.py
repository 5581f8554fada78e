"""The cloud's figures: rates beside a bare endpoint and beside Prism, lists, memory, a reset, and all of it kept.

Ratios are of one run, with 16 connections. Run as a program it serves a cloud and prints where; ``--bare`` serves bare
endpoints with answers of the same size. Each server has a process of its own, as the load generator has.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
PRISM = "@stoplight/prism-cli@5.14.2"
CONTRACTS = "MVH_CONTRACT_DIR"
CONNECTIONS = 16
ROUNDS = 5
LONG = 20_000
MANY = 100_000


# -- servers, each in a process of its own -----------------------------------------------------------------------------


def serve_cloud(sims: int, state: str | None) -> None:
    """Serve a cloud with so many Sims, print its doors and its memory, and do so until the input ends."""
    from harness.clock import RealClock
    from harness.rig import collector
    from harness.virtual.cloud import Cloud, CloudServer
    from harness.virtual.cloud.persistence import Database, Keeper
    from harness.virtual.network import Network
    from harness.virtual.uplink import Uplink
    from harness.virtual.world import World

    world = World(clock=RealClock())
    network = Network(world)
    cloud = Cloud(world, messaging=network, uplink=Uplink(world))
    network.connect_cloud(cloud)
    sid = cloud.add_sim("8988307000000000016", unique_name="bench")
    with CloudServer(cloud) as server:
        with world.turn():
            for number in range(sims - 1):
                cloud.add_sim(f"89883071{number:011d}", status=_STATUSES[number % len(_STATUSES)])
        if state is not None:
            cloud.keeper = Keeper(cloud, Database(Path(state)))
        world.start()
        collector.settle()  # as ``mvh up`` does
        where = urlsplit(server.urls.supersim)
        print(json.dumps({"host": where.hostname, "port": where.port, "sim": sid, "user": cloud.account_sid,
                          "password": cloud.auth_token, "mib": _resident_mib()}), flush=True)
        sys.stdin.read()
    if cloud.keeper is not None:
        cloud.keeper.close()
    world.close()


def serve_bare(sizes: list[int]) -> None:
    """Serve the least that starlette and uvicorn can: GET and POST with answers of these sizes."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def read(request: Request) -> Response:
        return Response(b"x" * sizes[0], media_type="application/json")

    async def take(request: Request) -> Response:
        await request.body()
        return Response(b"x" * sizes[1], status_code=201, media_type="application/json")

    application = Starlette(routes=[Route("/v1/Sims/{sid}", read), Route("/v1/SmsCommands", take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(application, port=0, http="httptools", loop="asyncio", lifespan="off",
                                           log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    print(json.dumps({"host": "127.0.0.1", "port": server.servers[0].sockets[0].getsockname()[1]}), flush=True)
    sys.stdin.read()
    server.should_exit = True
    thread.join()


_STATUSES = ("active", "inactive")  # so that 50 of 100 match a filter


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)


@dataclass(frozen=True)
class Target:
    """A server that load is put on; it ends with its input."""

    doors: dict[str, Any]
    process: subprocess.Popen[str]

    def request(self, method: str, path: str, form: str = "") -> bytes:
        basic = base64.b64encode(f"{self.doors.get('user', 'u')}:{self.doors.get('password', 'p')}".encode()).decode()
        body = (f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}"
                if form else "\r\n")
        return (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.doors['port']}\r\n"
                f"Authorization: Basic {basic}\r\n{body}").encode()

    def cpu(self) -> float:
        """Return the CPU seconds that the server has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, request: bytes, requests: int, connections: int = CONNECTIONS) -> dict[str, float]:
        """Return what the load generator measured, and the CPU time of the server in microseconds a request."""
        before = self.cpu()
        done = subprocess.run([sys.executable, HERE / "load.py", self.doors["host"], str(self.doors["port"]),
                               str(connections), str(requests)], input=request, stdout=subprocess.PIPE, check=True)
        result: dict[str, float] = json.loads(done.stdout)
        return result | {"cpu_us": (self.cpu() - before) / requests * 1e6}


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Target]:
    """Have one of the servers above while the block runs."""
    command = [sys.executable, str(HERE / "cloud.py"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Target(json.loads(_first_line(process.stdout)), process)
        assert process.stdin is not None
        process.stdin.close()


def _first_line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


# -- what is measured --------------------------------------------------------------------------------------------------


def rates(show: Callable[[str, str, str], None]) -> None:
    """GET and POST, in memory and kept, beside bare endpoints that answer as much and, where there is npm, Prism."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        cloud = stack.enter_context(serving("--sims", "1"))
        kept = stack.enter_context(serving("--sims", "1", "--state", f"{folder}/state"))
        get = cloud.request("GET", f"/v1/Sims/{cloud.doors['sim']}")
        post = cloud.request("POST", "/v1/SmsCommands", f"Sim={cloud.doors['sim']}&Payload=hello")
        sizes = [str(_answer_size(cloud, request)) for request in (get, post)]
        bare = stack.enter_context(serving("--bare", *sizes))
        prism = stack.enter_context(prism_serving(show, folder))
        get_bare = bare.request("GET", f"/v1/Sims/{cloud.doors['sim']}")
        post_bare = bare.request("POST", "/v1/SmsCommands", f"Sim={cloud.doors['sim']}&Payload=hello")
        get_kept = kept.request("GET", f"/v1/Sims/{kept.doors['sim']}")
        post_kept = kept.request("POST", "/v1/SmsCommands", f"Sim={kept.doors['sim']}&Payload=hello")
        for name, plain, ours, with_state, count in (("GET /v1/Sims/{Sid}", get_bare, get, get_kept, 6_000),
                                                     ("POST /v1/SmsCommands", post_bare, post, post_kept, 3_000)):
            runs = [(bare.load(plain, count), cloud.load(ours, count), kept.load(with_state, count),
                     prism.load(prism.request(*_line(ours)), 300) if prism else None) for _ in range(ROUNDS)]
            _tell(show, name, runs)
        long = [(bare.load(post_bare, LONG)["rate"], cloud.load(post, LONG)["rate"]) for _ in range(2)]
        show(f"POST /v1/SmsCommands, {LONG:,} in a row", f"{statistics.median(ours for _, ours in long):,.0f}/s",
             f"{statistics.median(ours / plain for plain, ours in long):.2f} x bare; texts are attempted, "
             "and their ends told, while more come in")


def _tell(show: Callable[[str, str, str], None], name: str, runs: list[tuple[Any, ...]]) -> None:
    def middle(pick: Callable[[tuple[Any, ...]], float]) -> float:
        return statistics.median(pick(run) for run in runs)

    show(f"bare starlette: {name}", f"{middle(lambda run: run[0]['rate']):,.0f}/s",
         f"{middle(lambda run: run[0]['cpu_us']):.0f} us CPU")
    for index, what in ((1, name), (2, f"{name}, kept")):
        show(what, f"{middle(lambda run: run[index]['rate']):,.0f}/s",  # noqa: B023
             f"{middle(lambda run: run[index]['rate'] / run[0]['rate']):.2f} x bare (at least 0.5), "  # noqa: B023
             f"by CPU {middle(lambda run: run[0]['cpu_us'] / run[index]['cpu_us']):.2f}; "  # noqa: B023
             f"p99 {middle(lambda run: run[index]['p99_ms'] / run[index]['p50_ms']):.1f} x p50 (at most 10)")  # noqa: B023
    if runs[0][3] is not None:
        show(f"Prism: {name}", f"{middle(lambda run: run[3]['rate']):,.0f}/s",
             f"ours is {middle(lambda run: run[1]['rate'] / run[3]['rate']):.1f} x that (at least 8)")


def _line(request: bytes) -> tuple[str, str, str]:
    head, _, body = request.decode().partition("\r\n\r\n")
    method, path, _ = head.split(" ", 2)
    return method, path, body


def _answer_size(target: Target, request: bytes) -> int:
    import socket

    with socket.create_connection((target.doors["host"], target.doors["port"])) as connection:
        connection.sendall(request)
        head, _, _ = connection.recv(65_536).partition(b"\r\n\r\n")
    return int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])


@contextlib.contextmanager
def prism_serving(show: Callable[[str, str, str], None], folder: str) -> Iterator[Target | None]:
    """Have Prism serve the contract of Super SIM, installed into a folder; None, and the reason shown, if it can't."""
    npm, contracts = shutil.which("npm"), os.environ.get(CONTRACTS)
    if npm is None or contracts is None:
        show("Prism", "not run", "there is no npm" if npm is None else f"{CONTRACTS} does not name the contract files")
        yield None
        return
    installed = subprocess.run([npm, "install", "--prefix", folder, "--no-audit", "--no-fund", PRISM],
                               capture_output=True, check=False)
    if installed.returncode:
        show("Prism", "not run", "npm could not install it")
        yield None
        return
    contract = next(Path(contracts).glob("*supersim*"))
    port = 41_010
    with subprocess.Popen([f"{folder}/node_modules/.bin/prism", "mock", "-p", str(port), str(contract)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "is listening" in line:
                break
        threading.Thread(target=process.stdout.read, daemon=True).start()  # it writes a few lines a request
        try:
            yield Target({"host": "127.0.0.1", "port": port}, process)
        finally:
            process.terminate()


def sizes(show: Callable[[str, str, str], None]) -> None:
    """A page of a list among few and many Sims, and what many take."""
    with serving("--sims", "100") as few, serving("--sims", str(MANY)) as many:
        runs = []
        for _ in range(2 * ROUNDS):
            runs.append([target.load(target.request("GET", "/v1/Sims?Status=active&PageSize=50"), 400, connections=1)
                         for target in (few, many)])
        show("50 of 100 Sims by a filter", f"{statistics.median(run[0]['p50_ms'] for run in runs):.2f} ms", "")
        show(f"50 of {MANY:,} Sims by a filter", f"{statistics.median(run[1]['p50_ms'] for run in runs):.2f} ms",
             f"{statistics.median(run[1]['p50_ms'] / run[0]['p50_ms'] for run in runs):.2f} x (at most 3)")
        show(f"{MANY:,} Sims", f"{many.doors['mib']:.0f} MiB",
             f"{many.doors['mib'] - few.doors['mib']:.0f} MiB more than 100 (at most 400 in all)")


def resets(show: Callable[[str, str, str], None]) -> None:
    """How long the cloud of a rig takes to be as new."""
    from harness.clock import VirtualClock
    from harness.rig.model import RigFile
    from harness.rig.stack import VirtualStack
    from harness.virtual.cloud import CloudServer

    with tempfile.TemporaryDirectory() as folder:
        stack = VirtualStack(RigFile(), clock=VirtualClock(), folder=Path(folder))
        with CloudServer(stack.cloud):
            times = []
            for _ in range(200):
                stack.cloud.add_sim("8988307000000000099")
                began = time.perf_counter()
                with stack.world.turn():
                    stack.cloud.snapshots.reset()
                times.append(time.perf_counter() - began)
                stack.world.clock.sleep("1s")
        stack.close()
    times.sort()
    show("reset of a rig's cloud", f"{times[100] * 1e3:.2f} ms", f"p90 {times[180] * 1e3:.2f} ms (at most 1)")


def main() -> None:
    """Be one of the servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sims", type=int, default=1)
    parser.add_argument("--state")
    parser.add_argument("--bare", type=int, nargs=2)
    asked = parser.parse_args()
    if asked.bare:
        serve_bare(asked.bare)
    else:
        serve_cloud(asked.sims, asked.state)


if __name__ == "__main__":
    main()
