"""The store's file: what is written comes back; what is damaged, newer, older or in use is treated as it must be."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import StoreCorrupted, StoreError, StoreLocked, StoreTooNew
from harness.virtual.cloud import records
from harness.virtual.cloud.machines import SimStatus
from harness.virtual.cloud.persistence import Database, Keeper, Row, inventory
from harness.virtual.cloud.persistence.codec import Codec, Undecodable
from harness.virtual.cloud.persistence.migrations import APPLICATION_ID, MIGRATIONS, VERSION

if TYPE_CHECKING:
    from .conftest import Lab

ICCID = "8988307000000000001"

VERSION_1 = """
PRAGMA application_id = 1297500227;
PRAGMA user_version = 1;
CREATE TABLE rows (kind TEXT NOT NULL, key NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
INSERT INTO rows VALUES ('following', 'fleets', '1'), ('following', 'sims', '2');
INSERT INTO rows VALUES ('meta', 'seed', '7'), ('meta', 'esim_stock', '12'), ('meta', 'draws', '{"sids": 40}');
INSERT INTO rows VALUES ('fleets', 0, '{"sid":"HF00000000000000000000000000000001","account_sid":"AC1",
"date_created":"2026-01-01T00:00:00+00:00","date_updated":"2026-01-01T00:00:00+00:00","seq":0,"revision":3,
"unique_name":"old","access_profile_sid":"HA1","data_enabled":true,"data_limit":250,"sms_commands_enabled":true,
"sms_commands_url":null,"sms_commands_method":"POST","ip_commands_url":null,"ip_commands_method":"POST"}');
INSERT INTO rows VALUES ('sims', 1, '{"sid":"HS00000000000000000000000000000001","account_sid":"AC1",
"date_created":"2026-01-01T00:00:00+00:00","date_updated":"2026-01-01T00:00:00+00:00","seq":1,"revision":1,
"iccid":"8988307000000000001","unique_name":"m","status":"scheduled","fleet_sid":"HF00000000000000000000000000000001",
"before":"ready","update":{"target":"active","fleet_sid":"HF00000000000000000000000000000001",
"callback":{"url":"http://127.0.0.1/x","method":"GET"}},"commands":2,"traffic":5,"data":"open","billed_as":"ready",
"billed_since":"2026-01-01T00:00:00+00:00","trial_callback":null,"addresses":[]}');
"""
"""A store as version 1 wrote it."""


def make(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "cloud.db")
    connection.executescript(script)
    connection.close()
    return folder / "cloud.db"


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A folder with a store that holds a few hundred rows, closed."""
    database = Database(tmp_path / "state")
    database.begin()
    database.write([Row("sims", number, f'{{"name":"{number:0100}"}}') for number in range(300)], [])
    database.close()
    return tmp_path / "state"


# -- values ------------------------------------------------------------------------------------------------------------

TIMES = st.datetimes(timezones=st.just(UTC))
TEXTS = st.text(max_size=20)


@given(TIMES, TEXTS, st.none() | TEXTS, st.sampled_from(SimStatus), st.none() | st.sampled_from(SimStatus),
       st.lists(TEXTS, max_size=3), st.booleans())
def test_records_come_back_equal(moment: datetime, text: str, name: str | None, status: SimStatus,
                                 before: SimStatus | None, addresses: list[str], updating: bool) -> None:
    sim = records.Sim(sid="HS1", account_sid=text, date_created=moment, date_updated=moment, iccid=text,
                      unique_name=name, status=status, before=before, addresses=tuple(addresses),
                      update=records.SimUpdate(target=status, fleet_sid=name, callback=records.Callback(url=text))
                      if updating else None)
    codec = Codec(records.Sim)
    back = codec.decode(codec.encode(sim))
    assert back == sim
    assert type(back.status) is SimStatus
    assert isinstance(back.addresses, tuple)


@given(st.text())
def test_no_text_makes_a_codec_fail_otherwise(text: str) -> None:
    with pytest.raises(Undecodable):
        Codec(records.Sim).decode(text)


@pytest.mark.parametrize("body", ["[]", "1", "null", "{}", '{"sid": "x"}', '{"unknown": 1}', "{"])
def test_what_is_no_record_is_refused(body: str) -> None:
    with pytest.raises(Undecodable):
        Codec(records.Network).decode(body)


def test_every_list_has_a_codec_and_a_name_of_its_own(make_lab: Callable[..., Lab]) -> None:
    lists = inventory(make_lab().cloud)
    assert len({id(shelved.kept) for shelved in lists.values()}) == len(lists)
    for shelved in lists.values():
        Codec(shelved.kind)


def test_no_collection_is_forgotten(make_lab: Callable[..., Lab]) -> None:
    """Whatever the parts of a cloud hold that can be kept is in the inventory."""
    cloud = make_lab().cloud
    known = {id(shelved.kept) for shelved in inventory(cloud).values()}
    parts = [*vars(cloud).values(), cloud.sims.billing]
    kept = [value for part in parts if hasattr(part, "__dict__") for value in vars(part).values()
            if hasattr(value, "kept_keys")]
    assert kept
    assert all(id(value) in known for value in kept)


# -- the file ----------------------------------------------------------------------------------------------------------


def test_what_is_written_is_there_when_it_is_opened_again(filled: Path) -> None:
    database = Database(filled)
    assert [row.key for row in database.rows["sims"]] == list(range(300))
    database.begin()
    database.write([Row("sims", 1, "{}"), Row("agenda", "a b", "[1,2]")], [("sims", 0), ("sims", 999)])
    database.close()

    database = Database(filled)
    assert database.rows["sims"][0] == Row("sims", 1, "{}")
    assert database.rows["agenda"] == [Row("agenda", "a b", "[1,2]")]
    database.close()


def test_nobody_else_may_read_it(filled: Path) -> None:
    database = Database(filled)
    database.begin()
    database.write([Row("sims", 1, "{}")], [])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in filled.iterdir()}
    assert modes.keys() >= {"cloud.db", "cloud.db-wal", "lock"}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes
    assert stat.S_IMODE(filled.stat().st_mode) == 0o700
    database.close()


def test_a_second_process_is_refused(filled: Path) -> None:
    first = Database(filled)
    with pytest.raises(StoreLocked, match="holds the state of a cloud that is running"):
        Database(filled)
    first.close()
    Database(filled).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't hold the state of a cloud"):
        Database(tmp_path / "file" / "state")


def test_a_failed_write_leaves_nothing(filled: Path) -> None:
    database = Database(filled)
    database.begin()
    bad: list[Row] = [Row("sims", 1, "{}"), Row("sims", 2, None)]  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="can't be written"):
        database.write(bad, [("sims", 0)])
    database.close()
    database = Database(filled)
    assert [row.key for row in database.rows["sims"]] == list(range(300))
    assert database.rows["sims"][1].body != "{}"
    database.close()


# -- versions ----------------------------------------------------------------------------------------------------------


def test_a_newer_store_is_refused_and_left_as_it_was(filled: Path) -> None:
    connection = sqlite3.connect(filled / "cloud.db")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = content(filled)
    with pytest.raises(StoreTooNew, match=f"version {VERSION + 1}; this release knows versions up to {VERSION}"):
        Database(filled)
    assert content(filled) == before


def test_every_older_version_has_a_migration() -> None:
    assert sorted(MIGRATIONS) == list(range(1, VERSION))


def test_a_store_of_version_1_is_migrated(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    make(tmp_path / "state", VERSION_1)
    lab, database = make_lab(start=20_000_000_000), Database(tmp_path / "state")
    assert database.fact("seed") == 7
    keeper = Keeper(lab.cloud, database)
    sim = lab.cloud.sims.sim("m")
    assert (sim.status, sim.before, sim.commands) == ("scheduled", "ready", 2)
    assert sim.update is not None
    assert sim.update.callback.method == "GET"
    assert lab.cloud.fleets.fleet("old").revision == 3
    assert lab.cloud.esim_profiles.stock == 12
    keeper.close()

    connection = sqlite3.connect(tmp_path / "state" / "cloud.db")
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()
    again = make_lab(start=20_000_000_000)
    keeper = Keeper(again.cloud, Database(tmp_path / "state"))
    assert again.cloud.sims.sim("m") == sim
    keeper.close()


def test_a_failed_migration_leaves_the_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "state", VERSION_1 + "INSERT INTO rows VALUES ('facts', 'seed', '1');")  # two facts of one name
    before = content(tmp_path / "state")
    with pytest.raises(StoreCorrupted, match="UNIQUE"):
        Database(tmp_path / "state")
    assert content(tmp_path / "state") == before


# -- damage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [
    lambda data: b"no database at all" * 100,
    lambda data: data[:len(data) // 2],
    lambda data: bytes(100) + data[100:],
    lambda data: data[:5_000] + bytes(3_000) + data[8_000:],
    lambda data: data.replace(b"0000000042", b"0000000043"),
], ids=["text", "truncated", "header", "page", "value"])
def test_a_damaged_store_is_refused_and_left_as_it_was(filled: Path, damage: Callable[[bytes], bytes]) -> None:
    path = filled / "cloud.db"
    data = path.read_bytes()
    changed = damage(data)
    assert changed != data
    path.write_bytes(changed)
    before = content(filled)
    with pytest.raises(StoreCorrupted):
        Database(filled)
    assert content(filled) == before


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_byte_is_found_or_makes_no_difference(tmp_path_factory: pytest.TempPathFactory,
                                                        data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("store")
    database = Database(folder)
    database.begin()
    rows = [Row("sims", number, f'{{"name":"{number:050}"}}') for number in range(100)]
    database.write(rows, [])
    database.close()
    path = folder / "cloud.db"
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[position] ^ data.draw(st.integers(1, 255))
    path.write_bytes(whole[:position] + bytes([changed]) + whole[position + 1:])
    before = content(folder)
    try:
        database = Database(folder)
    except StoreError:
        assert content(folder) == before
    else:
        assert database.rows == {"sims": rows}
        database.close()


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "state", "CREATE TABLE rows (kind, key, body, crc)")
    with pytest.raises(StoreCorrupted, match="no store of a cloud"):
        Database(tmp_path / "state")


@pytest.mark.parametrize("script", ["", "PRAGMA journal_mode = WAL"], ids=["empty", "no tables"])
def test_a_store_that_was_never_finished_is_a_new_one(tmp_path: Path, script: str) -> None:
    make(tmp_path / "state", script)
    database = Database(tmp_path / "state")
    assert database.rows == {}
    database.begin()
    database.close()
    connection = sqlite3.connect(tmp_path / "state" / "cloud.db")
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    connection.close()


# -- a cloud -----------------------------------------------------------------------------------------------------------


def test_what_falls_due_while_it_is_down_happens(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    sid = lab.cloud.add_sim(ICCID, status="new")
    keeper = Keeper(lab.cloud, Database(tmp_path))
    lab.call("UpdateSim", sid, Status="ready", Fleet=lab.cloud.fleets.default_fleet().sid)
    lab.clock.sleep("1h")
    assert lab.cloud.sims.sim(sid).status is SimStatus.READY
    keeper.close()

    later = make_lab(start=100 * 86_400 * 10**9)  # its three months on trial are over
    keeper = Keeper(later.cloud, Database(tmp_path))
    later.clock.sleep("1s")
    assert later.cloud.sims.sim(sid).status is SimStatus.ACTIVE
    keeper.close()


def test_secrets_are_in_no_text_of_it(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    keeper = Keeper(lab.cloud, Database(tmp_path))
    shown = f"{keeper!r} {lab.cloud!r} {lab.cloud.secrets!r} {inventory(lab.cloud)!r}"
    assert lab.cloud.auth_token not in shown
    keeper.close()
