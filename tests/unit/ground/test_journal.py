"""The journal keeps facts, hides secrets and stays bounded."""

import json

from harness.journal import Journal


def test_entries_carry_time_source_event_and_facts() -> None:
    journal = Journal(now=lambda: 42)
    journal.record("modem", "sms_received", device="modem-1", pdu=b"\x01\xab", parts=(1, 2))
    entry = journal.last("sms_received")
    assert entry is not None
    assert json.loads(entry.to_json()) == {
        "t": 42, "source": "modem", "event": "sms_received", "device": "modem-1",
        "data": {"pdu": "01ab", "parts": [1, 2]}}
    assert journal.last("sms_received", device="modem-1") == entry
    assert journal.last("sms_received", device="modem-2") is None
    assert journal.select(source="cloud") == []


def test_secrets_never_get_in() -> None:
    journal = Journal(now=lambda: 0)
    journal.redact("hunter22")
    journal.redact("")
    journal.record("cloud", "e", a="token hunter22!", b={"c": ["hunter22"]}, d=b"x")
    (entry,) = journal
    assert "hunter22" not in entry.to_json()
    assert entry.data["a"] == "token ***!"


def test_it_is_bounded_and_says_what_it_dropped() -> None:
    journal = Journal(now=lambda: 0, limit=3)
    for number in range(10):
        journal.record("test", "e", n=number)
    assert [entry.data["n"] for entry in journal] == [7, 8, 9]
    assert (len(journal), journal.dropped, journal.written) == (3, 7, 10)
    assert [entry.seq for entry in journal.since(8)] == [8, 9]


def test_listeners_hear_of_everything_until_they_leave() -> None:
    journal = Journal(now=lambda: 0)
    heard: list[str] = []
    leave = journal.subscribe(lambda entry: heard.append(entry.event))
    journal.record("test", "one")
    leave()
    leave()
    journal.record("test", "two")
    assert heard == ["one"]


def test_digests_tell_runs_apart_and_can_leave_a_source_out() -> None:
    def run(text: str) -> Journal:
        journal = Journal(now=lambda: 5)
        journal.record("modem", "e", text=text)
        journal.record("driver", "e", text="same")
        return journal

    assert run("a").digest() == run("a").digest()
    assert run("a").digest() != run("b").digest()
    assert run("a").digest(without=["modem"]) == run("b").digest(without=["modem"])
