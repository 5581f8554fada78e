"""A program that forks servers of a cloud whose state is kept, so that each starts within milliseconds.

``python kept_server.py FOLDER``; for each line on standard input it starts one and prints a line of JSON: process id,
URLs and credentials. Ends with its input, and all servers that are left with it: it must lead a process group of its
own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from harness.rig.state import StateFolder
from harness.virtual.cloud import Cloud, CloudServer
from harness.virtual.network import Network
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

ICCID = "8988307000000000001"


def serve(folder: Path) -> None:
    """Serve until killed."""
    state = StateFolder(folder)
    world = World(seed=5, clock=state.clock(), epoch=None if state.origin is None else state.origin.epoch)
    network = Network(world)
    cloud = Cloud(world, messaging=network, uplink=Uplink(world))
    network.connect_cloud(cloud)
    state.keep(cloud)
    sid = cloud.sim_sid(ICCID) or cloud.add_sim(ICCID)
    server = CloudServer(cloud)
    server.start()
    world.start()
    print(json.dumps({"pid": os.getpid(), "urls": asdict(server.urls), "user": cloud.account_sid,
                      "password": cloud.auth_token, "sim": sid}), flush=True)
    threading.Event().wait()


def main() -> None:
    """Fork a server a line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what became of them
    for _ in sys.stdin:
        if os.fork() == 0:
            try:
                serve(Path(sys.argv[1]))
            except BaseException as error:
                print(json.dumps({"error": repr(error)}), flush=True)
                raise
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
