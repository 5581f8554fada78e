"""Hosts in rig files: what may be said of them, and what a rig makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from harness.clock import RealClock
from harness.errors import RigFileError, UsageError
from harness.journal import Journal
from harness.rig.internet import build_internet
from harness.rig.load import parse_rig
from harness.rig.rig import Rig
from harness.virtual.world import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World(seed=1)
    yield world
    world.close()


@pytest.mark.parametrize(("text", "complaint"), [
    ('[[host]]\nforward="127.0.0.1"', "host[0].name: field required"),
    ('[[host]]\nname="a.com"\nforward="8.8.8.8:53"', "host[0].forward: string should match pattern"),
    ('[[host]]\nname="a.com"\nports={ x = "127.0.0.1" }', "host[0].ports.x"),
    ('[[host]]\nname="a b"', "host[0].name: string should match pattern"),
    ('[[host]]\nname="a.com"\nhttp="no colon"', "host[0].http: string should match pattern"),
    ('[[host]]\nname="a.com"\nfoward="127.0.0.1"', "host[0].foward: no such key (did you mean 'forward'?)"),
    ('[[host]]\nname="a.com"\n[[host]]\nname="A.com"', "every host needs a name of its own"),
    ('[internet]\nlatency="soon"', "internet.latency: not a duration"),
])
def test_what_is_wrong_is_named(text: str, complaint: str) -> None:
    with pytest.raises(RigFileError, match=re.escape(complaint)):
        parse_rig(text, name="rig.toml")


@pytest.mark.parametrize("where", ["nobody_has_this:answer", "harness.errors:nothing"])
def test_a_handler_that_is_not_there(world: World, where: str) -> None:
    with pytest.raises(RigFileError, match=f"host 'a.com': no handler '{where}'"):
        build_internet(world, parse_rig(f'[[host]]\nname="a.com"\nhttp="{where}"', name="rig.toml"))


def test_every_key_of_a_host(world: World) -> None:
    file = parse_rig('''
        [internet]
        latency = "1s"
        [[host]]
        name = "a.com"
        address = "203.0.113.9"
        ping = false
        latency = "5ms"
        forward = "localhost:8080"
        ports = { 8883 = "127.0.0.1:1883" }
        tls = true
        tls_name = "inside.example.com"
        udp = { 7 = "harness.rig.internet:build_internet" }
        tcp = { 7 = "harness.rig.internet:build_internet" }
        [[host]]
        name = "b.com"
        http = "harness.rig.internet:build_internet"
    ''', name="rig.toml")
    internet = build_internet(world, file)
    host = internet.host("a.com")
    assert (host.ip, host.latency, host.answers_ping) == ("203.0.113.9", 5_000_000, False)
    assert internet.loopback("a.com", 443) == ("127.0.0.1", 8080)
    route = internet.route("a.com", 8883)
    assert route is not None
    assert route.address == ("127.0.0.1", 1883)
    assert route.tls is not None
    assert route.tls.server_name == "inside.example.com"
    assert (sorted(host.udp_handlers), sorted(host.tcp_handlers)) == ([7], [7])
    assert internet.host("b.com").latency == 1_000_000_000
    assert internet.host("b.com").http_handler is not None
    internet.close()


def test_a_real_rig_has_no_virtual_hosts() -> None:
    clock = RealClock()
    rig = Rig(name="bench", description="", notes=[], seed=None, clock=clock, journal=Journal(now=clock.now),
              cloud=None, modems={}, boards={}, firmware=None,  # type: ignore[arg-type]
              open_sink=lambda: None, close=lambda: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(UsageError, match="devices reach the real internet"):
        _ = rig.internet
