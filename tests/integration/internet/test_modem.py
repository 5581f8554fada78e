"""A modem reaches hosts of the virtual internet over its packet context: by a handler, and on loopback."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.rig import Modem, VirtualInternet


def test_datagrams_to_a_handler(internet: VirtualInternet, modem: Modem) -> None:
    host = internet.add_host("echo.example.com").on_udp(7, lambda source, payload: payload.upper())
    modem.registered(within="60s")
    with modem.udp_open(5000) as sock:
        sock.send(b"hello", to=(host.ip, 7))
        answer = sock.expect(b"HELLO", within="30s")
        assert answer.source == (host.ip, 7)


def test_datagrams_to_a_program_on_loopback(internet: VirtualInternet, modem: Modem) -> None:
    modem.registered(within="60s")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as program:
        program.bind(("127.0.0.1", 0))
        program.settimeout(10)

        def echo() -> None:
            payload, address = program.recvfrom(2000)
            program.sendto(payload[::-1], address)

        thread = threading.Thread(target=echo)
        thread.start()
        host = internet.add_host("echo.example.com").forward(f"127.0.0.1:{program.getsockname()[1]}")
        with modem.udp_open(5000) as sock:
            sock.send(b"hello", to=(host.ip, 5683))
            sock.expect(b"olleh", within="30s")
        thread.join()


def test_a_name_is_resolved_and_a_connection_made_by_at_commands(internet: VirtualInternet, modem: Modem) -> None:
    class Shout:
        def __init__(self, connection: object) -> None:
            self.connection = connection

        def connected(self) -> None: ...

        def received(self, data: bytes) -> None:
            self.connection.send(data.upper())  # type: ignore[attr-defined]

        def closed(self, reason: object) -> None: ...

    internet.add_host("shout.example.com").on_tcp(7, Shout)
    modem.registered(within="60s")
    modem.command('AT+QICSGP=1,1,"super"')
    modem.command("AT+QIACT=1", within="150s")
    modem.command('AT+QIOPEN=1,0,"TCP","shout.example.com",7,0,0')
    modem.expect_urc("+QIOPEN", matching="0,0", within="60s")
    modem.command("AT+QISEND=0,5", data=b"hello")
    modem.expect_urc("+QIURC", matching="recv", within="30s")
    assert "HELLO" in str(modem.command("AT+QIRD=0"))
