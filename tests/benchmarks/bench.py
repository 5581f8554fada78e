"""``tox -e bench``: figures of this tree on this machine. Never a test: machines differ, and this one is shared.

What must be compared is measured in one run and told as a ratio. Options: names of sections, to run only those.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.benchmarks import modem  # noqa: E402
from tests.benchmarks.cpu_figures import cpu  # noqa: E402

_SECTIONS: dict[str, Callable[[], None]] = {}


def section(function: Callable[[], None]) -> Callable[[], None]:
    """Let ``function`` be a section under its own name."""
    _SECTIONS[function.__name__] = function
    return function


def show(what: str, value: str, note: str = "") -> None:
    """Print one figure."""
    print(f"  {what:<58} {value:>14}  {note}".rstrip(), flush=True)


def load(host: str, port: int, request: bytes, *, requests: int = 8_000, connections: int = 16) -> dict[str, float]:
    """Return what the load generator measured in a process of its own."""
    done = subprocess.run([sys.executable, HERE / "load.py", host, str(port), str(connections), str(requests)],
                          input=request, stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


@section
def http() -> None:
    """Requests a second with 16 connections, beside a bare starlette endpoint that answers a body of the same size."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from harness.clock import RealClock
    from harness.virtual.cloud import Cloud, CloudServer
    from harness.virtual.network import Network
    from harness.virtual.uplink import Uplink
    from harness.virtual.world import World

    world = World(clock=RealClock())
    network = Network(world)
    cloud = Cloud(world, messaging=network, uplink=Uplink(world))
    network.connect_cloud(cloud)
    sid = cloud.add_sim("8988307000000000016", unique_name="bench")
    server = CloudServer(cloud)
    server.start()
    world.start()
    basic = base64.b64encode(f"{cloud.account_sid}:{cloud.auth_token}".encode()).decode()
    where = urlsplit(server.urls.supersim)
    host, port = str(where.hostname), int(where.port or 0)
    head = f"Host: {where.netloc}\r\nAuthorization: Basic {basic}\r\n"
    get = f"GET /v1/Sims/{sid} HTTP/1.1\r\n{head}\r\n".encode()
    form = f"Sim={sid}&Payload=hello"
    post = (f"POST /v1/SmsCommands HTTP/1.1\r\n{head}Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(form)}\r\n\r\n{form}").encode()

    async def plain(request: Request) -> Response:
        return Response(b"x" * 700, media_type="application/json")

    bare = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/v1/Sims/{sid}", plain)]), port=0, http="httptools",
                                         loop="asyncio", lifespan="off", log_level="critical", access_log=False))
    thread = threading.Thread(target=bare.run, daemon=True)
    thread.start()
    while not bare.started:
        time.sleep(0.01)
    bare_port = bare.servers[0].sockets[0].getsockname()[1]
    bare_get = b"GET /v1/Sims/x HTTP/1.1\r\nHost: x\r\n\r\n"
    rounds = [(load(host, bare_port, bare_get), load(host, port, get), load(host, port, post, requests=4_000))
              for _ in range(3)]
    for index, name in ((1, "GET /v1/Sims/{Sid}"), (2, "POST /v1/SmsCommands")):
        show(name, f"{statistics.median(one[index]['rate'] for one in rounds):,.0f}/s",
             f"p50 {rounds[0][index]['p50_ms']:.2f} ms, p99 {rounds[0][index]['p99_ms']:.2f} ms, "
             f"{statistics.median(one[index]['rate'] / one[0]['rate'] for one in rounds):.2f} x bare starlette")
    show("bare starlette + uvicorn, body of 700 bytes", f"{statistics.median(one[0]['rate'] for one in rounds):,.0f}/s")
    bare.should_exit = True
    thread.join()
    server.stop()
    world.close()


@section
def serial() -> None:
    """AT round trips a second through pyserial and the pseudo-terminal; the modem lives in a process of its own."""
    import serial as pyserial

    with tempfile.TemporaryDirectory() as runtime:
        process = subprocess.Popen([sys.executable, "-P", "-m", "harness.cli", "up", "--json"], stdout=subprocess.PIPE,
                                   env={"XDG_RUNTIME_DIR": runtime, "PATH": ""}, cwd=HERE.parent.parent)
        assert process.stdout is not None
        doors = json.loads(process.stdout.readline())
        port = pyserial.Serial(doors["modems"][0]["port"], timeout=1)
        port.write(b"ATE0\r")
        port.read_until(b"OK\r\n")
        time.sleep(6)
        port.reset_input_buffer()
        times = modem.round_trips(port, 20_000)
        port.close()
        process.terminate()
        process.wait()
    bare = modem.bare_round_trips(20_000)
    for what, found in (("AT -> OK round trips", times), ("a bare process that answers OK", bare)):
        show(what, f"{len(found) / sum(found):,.0f}/s",
             f"p50 {found[len(found) // 2] * 1e6:.0f} us, p99 {found[len(found) * 99 // 100] * 1e6:.0f} us")


@section
def start() -> None:
    """What a pytest run without harness tests pays, and how long a rig takes to come up."""
    code = ("import time, pytest, importlib; began = time.perf_counter(); import harness.pytest_plugin as plugin; "
            "[importlib.import_module(name) for name in plugin.pytest_plugins]; print(time.perf_counter() - began)")
    costs = [float(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)
             for _ in range(7)]
    show("import harness in a pytest run without harness tests", f"{statistics.median(costs) * 1000:.1f} ms",
         "median of 7 (at most 60 ms)")
    from harness.rig import RigOpener
    from harness.rig.model import RigFile

    opener = RigOpener(RigFile())
    opener.open().close()  # everything is imported now, and the server is up
    times = []
    for _ in range(10):
        began = time.perf_counter()
        rig = opener.open()
        rig.modem()
        times.append(time.perf_counter() - began)
        rig.close()
    opener.close()
    times.sort()
    show("a further rig: from nothing to an open modem", f"{times[5] * 1000:.0f} ms")
    times = []
    for _ in range(5):
        opener = RigOpener(RigFile())
        began = time.perf_counter()
        rig = opener.open()
        rig.modem()
        times.append(time.perf_counter() - began)
        rig.close()
        opener.close()
    show("the first rig, server included", f"{statistics.median(times) * 1000:.0f} ms", "(at most 300 ms)")


modem.sections(section, show)
section(cpu)


def main() -> None:
    """Run the sections that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *_SECTIONS], help=f"of {', '.join(_SECTIONS)}")
    for name in parser.parse_args().sections or _SECTIONS:
        print(f"{name}: {(_SECTIONS[name].__doc__ or '').strip().splitlines()[0]}")
        _SECTIONS[name]()


if __name__ == "__main__":
    main()
