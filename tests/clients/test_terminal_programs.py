"""Terminal programs and bridges: what a person or a script holds the modem's port with."""

from __future__ import annotations

import os
import pty
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import serial

from harness.clock import Stopwatch, pause
from tests.clients.bus import wait_until

if TYPE_CHECKING:
    from tests.clients.conftest import Place


def needs(name: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed (Debian package {package})")


def session(*command: str, typed: bytes, until: bytes) -> bytes:
    """Run a program on a terminal, type something, and return what it showed up to these bytes."""
    person, screen = pty.openpty()
    with subprocess.Popen(command, stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
                          env={**os.environ, "TERM": "vt100", "HOME": "/nonexistent"}) as process:
        os.close(screen)
        os.set_blocking(person, False)
        shown, watch = b"", Stopwatch()
        try:
            while until not in shown:
                assert watch.seconds < 20, shown
                if typed and watch.seconds > 1:
                    os.write(person, typed)
                    typed = b""
                try:
                    shown += os.read(person, 4096)
                except BlockingIOError:
                    pause(0.02)
                except OSError:
                    raise AssertionError(f"{command[0]} ended: {shown!r}") from None
        finally:
            process.kill()
            os.close(person)
    return shown


@needs("picocom", "picocom")
def test_picocom(place: Place) -> None:
    done = subprocess.run(["picocom", "-qx", "1000", str(place.link)], input=b"AT\rAT+CSQ\r", capture_output=True,
                          timeout=30, check=True)
    assert done.stdout == b"AT\r\r\nOK\r\nAT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"


@needs("tio", "tio")
def test_tio(place: Place) -> None:
    assert b"BG96" in session("tio", "--no-autoconnect", str(place.link), typed=b"AT+CGMM\r", until=b"OK\r\n")


@needs("microcom", "microcom")
def test_microcom(place: Place) -> None:
    assert b"BG96" in session("microcom", "-f", "-p", str(place.link), typed=b"AT+CGMM\r", until=b"OK\r")


@needs("minicom", "minicom")
def test_minicom_and_its_script(place: Place, tmp_path: Path) -> None:
    done, script = tmp_path / "done", tmp_path / "script"
    script.write_text('timeout 20\nsend AT\nexpect {\n "OK" goto next\n}\nnext:\nsend AT+CSQ\nexpect {\n'
                      f' "+CSQ: 20,99" goto done\n}}\ndone:\n! touch {done}\nexit\n')
    person, screen = pty.openpty()
    with subprocess.Popen(["minicom", "-D", str(place.link), "-b", "115200", "-o", "-S", str(script)], stdin=screen,
                          stdout=screen, stderr=screen, start_new_session=True,
                          env={**os.environ, "TERM": "vt100", "HOME": str(tmp_path)}) as process:
        try:
            wait_until(done.exists, "end of the script")
        finally:
            process.kill()
            os.close(person)
            os.close(screen)


@needs("socat", "socat")
def test_socat_bridges_to_tcp(place: Place) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr", f"FILE:{place.link},raw,echo=0")
    with subprocess.Popen(command) as bridge:
        def connected() -> bool:
            try:
                connections.append(serial.serial_for_url(f"socket://127.0.0.1:{port}", timeout=5))
            except serial.SerialException:
                return False
            return True

        connections: list[serial.SerialBase] = []
        try:
            wait_until(connected, "bridge")
            connections[0].write(b"ATE0\r")
            assert connections[0].read_until(b"OK\r\n") == b"ATE0\r\r\nOK\r\n"
            connections[0].close()
        finally:
            bridge.terminate()
