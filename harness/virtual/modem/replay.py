"""A modem that says what a real one said: a recording behind a pseudo-terminal.

Theory of operation. Each thing that was sent in the recording has its answers in their order: the client gets the first
when it sends that for the first time, and so on; the last one stands. So a client that does as the recorded one did
hears the same, and one that leaves something out, or does it in another order, gets on. Who asks again before the
recorded client did, with nothing else between, gets the same answer again: nothing had changed by then. What is sent at
a prompt may differ from what was. Answers come as long after the command as they came in the recording; what the modem
said by itself comes with the exchange that it followed.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from harness.formats.recording import Recording, escape
from harness.virtual.modem.pty_endpoint import PtyEndpoint
from harness.virtual.world import Event, World

_MAX_WAITING = 1 << 16  # octets of a client that make no command
_UNKNOWN_KEPT = 1_000
_SHOWN = 60
_ENDS = b"\r\x1a\x1b"  # what ends a command line, and a text at a prompt
_SLACK = 1_000_000_000  # nanoseconds, and a tenth at most: clients don't poll to the millisecond
_PROMPTS = (b"> ", b">", b"@")


class ReplayedModem:
    """One recording at one port. A client that sends what was never recorded is answered ERROR.

    Args:
        link: name of the symbolic link to the terminal.
        pace: how long pauses are, in units of the recorded ones; 0 for none.
        obliging: commands that are answered OK where the recording does not have them.

    Attributes:
        endpoint: the port.
        unknown: commands that the recording does not have, the first 1,000 of them.

    Raises:
        PortTaken: the link's name is in use.
        UsageError: the link's folder does not exist.
    """

    def __init__(self, world: World, recording: Recording, link: Path, *, name: str = "modem",
                 pace: float = 1.0, obliging: frozenset[str] = frozenset()) -> None:
        self._obliging = obliging
        self._world = world
        self._name = name
        self._pace = pace
        self._exchanges = recording.exchanges()
        self._numbers: dict[bytes, list[int]] = {}
        for number, exchange in enumerate(self._exchanges[1:], start=1):
            self._numbers.setdefault(exchange.sent, []).append(number)
        self._longest_first = sorted(self._numbers, key=len, reverse=True)
        self._events: list[Event] = []
        self.unknown: list[str] = []
        self.endpoint = PtyEndpoint(world, link, receive=self._receive, hold=True)
        self.power_on()

    def __repr__(self) -> str:
        return f"ReplayedModem({self._name!r}, exchange {self._last} of {len(self._exchanges) - 1})"

    def power_off(self) -> None:
        """Fall silent, and hear nothing any more."""
        self._silence()
        self._powered = False

    def power_on(self) -> None:
        """Begin anew, with what the recording begins with."""
        self._powered, self._prompted, self._heard = True, False, b""
        self._asked: dict[bytes, int] = {}  # what was sent, and how far its answers were given
        self._played: dict[int, int] = {}  # exchanges, and when they were played first
        self._play(0)

    def close(self) -> None:
        """Take the port away. May be called twice."""
        self._silence()
        self.endpoint.close()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        if not self._powered:
            return
        self._heard = (self._heard + data)[-_MAX_WAITING:]
        while self._heard and self._step():
            pass

    def _step(self) -> bool:
        """Answer what was heard, or a part of it; return False if it may go on to be something recorded."""
        expected = self._exchanges[self._last + 1].sent if self._last + 1 < len(self._exchanges) else b""
        known = [expected, *self._longest_first]
        sent = next((sent for sent in known if sent and self._heard.startswith(sent)), None)
        if sent is not None:
            self._heard = self._heard[len(sent):]
            self._answer(sent)
            return True
        if any(sent.startswith(self._heard) for sent in known):
            return False
        if self._prompted and expected:
            return self._take_payload(expected)
        if self._heard[:1] in (b"\r", b"\n", b"\x1b"):  # between commands
            self._heard = self._heard[1:]
            return True
        end = next((position for position, octet in enumerate(self._heard) if octet in _ENDS), None)
        if end is None:
            return False
        unknown, self._heard = self._heard[:end + 1], self._heard[end + 1:]
        self._unknown(unknown)
        return True

    def _answer(self, sent: bytes) -> None:
        """Give the next answer to something, or the last one again."""
        numbers = self._numbers[sent]
        place = self._asked.get(sent, -1) + 1
        if place and (place == len(numbers) or self._is_early(numbers[place - 1], numbers[place])):
            self._play(numbers[place - 1], again=True)
        else:
            self._asked[sent] = place
            self._play(numbers[place])

    def _is_early(self, before: int, after: int) -> bool:
        """Tell whether a question is asked again before it was in the recording, with nothing else in between."""
        if self._last != before:
            return False
        gap = (self._exchanges[after].t - self._exchanges[before].t) * self._pace
        return self._world.now() - self._played[before] < gap - min(gap / 10, _SLACK)

    def _take_payload(self, expected: bytes) -> bool:
        """Take other data than was recorded at the prompt: up to Ctrl-Z, or as much, or nothing after ESC."""
        if self._heard.startswith(b"\x1b"):
            self._prompted = False
            return True
        end = self._heard.find(b"\x1a") + 1 if expected.endswith(b"\x1a") else len(expected)
        if not 0 < end <= len(self._heard):
            return False
        self._world.journal.record("modem", "payload_not_recorded", device=self._name,
                                   payload=escape(self._heard[:min(end, _SHOWN)]))
        self._heard = self._heard[end:]
        self._play(self._last + 1)
        return True

    def _unknown(self, command: bytes) -> None:
        if command.removesuffix(b"\r").decode("latin-1") in self._obliging:
            self.endpoint.send(b"\r\nOK\r\n")
            return
        shown = escape(command[:_SHOWN])
        self._world.journal.record("modem", "command_not_recorded", device=self._name, command=shown)
        if len(self.unknown) < _UNKNOWN_KEPT:
            self.unknown.append(shown)
        self.endpoint.send(b"\r\nERROR\r\n")

    def _play(self, number: int, *, again: bool = False) -> None:
        exchange = self._exchanges[number]
        answers = exchange.response if again else exchange.answers
        self._last = number
        self._played.setdefault(number, self._world.now())
        self._prompted = b"".join(data for _, data in answers).endswith(_PROMPTS)
        self._events = [event for event in self._events if event.pending]
        for delay, data in answers:
            self._events.append(self._world.call_later(f"{round(delay * self._pace)}ns",
                                                       partial(self.endpoint.send, data), name="modem-replay"))

    def _silence(self) -> None:
        for event in self._events:
            event.cancel()
        self._events.clear()
