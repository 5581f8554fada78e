"""Bundles: what is written is read again, every rule has its own refusal, and nothing else comes out of bad input."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import BundleError
from harness.formats.bundle import (
    APP_FLASH_SIZE,
    AppBody,
    Bundle,
    BundleOptions,
    BundleRejected,
    ConnectivityPolicy,
    CrashPolicy,
    DebugPolicy,
    LayerReference,
    Manifest,
    Memory,
    Region,
    Rule,
    SigningKey,
    UpdatePolicy,
    create_bundle,
    measure,
    write_archive,
)

ROM = b"\x00\x00\x08\x20" + bytes(range(200))
KEY = SigningKey.generate()
OTHER_KEY = SigningKey.generate()

u32 = st.integers(0, 0xFFFF_FFFF)
points = st.sampled_from([b"", KEY.public_point, OTHER_KEY.public_point])


def reference(content: bytes = ROM, *, region: Region | None = None) -> LayerReference:
    region = region or Region()
    return LayerReference(region=region, fetch_hash=hashlib.sha256(content).digest(),
                          measurement_hash=measure(content, region.size))


def manifest(*layers: LayerReference, signer_id: int = 0, signature: bytes = b"",
             debug: DebugPolicy | None = None, crash: CrashPolicy | None = None) -> bytes:
    app = AppBody(layers=layers, debug=debug, crash=crash)
    return Manifest(body=app.encode(), app=app, signer_id=signer_id, signature=signature).encode()


def archive(manifest_bytes: bytes, *contents: bytes) -> bytes:
    return write_archive({**{hashlib.sha256(content).hexdigest(): content for content in contents},
                          "manifest": manifest_bytes})


def raw_zip(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, content in members:
            if name in file.NameToInfo:
                with pytest.warns(UserWarning, match="Duplicate name"):
                    file.writestr(name, content)
            else:
                file.writestr(name, content)
    return out.getvalue()


def test_created_bundle_is_read_back() -> None:
    bundle = Bundle.read(create_bundle(ROM))
    assert bundle.rom() == ROM
    assert bundle.layer(hashlib.sha256(ROM).hexdigest()) == ROM
    assert bundle.layer("0" * 64) is None
    assert bundle.app_hash == "sha256:" + hashlib.sha256(bundle.manifest_bytes).hexdigest()
    assert bundle.signer is None
    assert repr(bundle).startswith("Bundle(app_hash='sha256:")


def test_unsigned_manifest_has_the_vendors_bytes() -> None:
    """Field by field as the vendor's tool writes it: no debug policy, empty update and connectivity policies."""
    fetch, measured = hashlib.sha256(ROM).digest(), hashlib.sha256(ROM.ljust(1 << 20, b"\xff")).digest()
    region = bytes.fromhex("0a 06 0a 04 10 80 80 40")  # target, internal flash, size 0x100000; start 0 is left out
    layer = region + b"\x1a\x20" + fetch + b"\x22\x20" + measured
    body = b"\x0a" + bytes([len(layer)]) + layer + b"\x22\x00\x2a\x00"
    assert Bundle.read(create_bundle(ROM)).manifest_bytes == b"\x12" + bytes([len(body)]) + body


def test_policies_have_the_vendors_field_numbers() -> None:
    data = create_bundle(ROM, options=BundleOptions(
        debug_auth_public_key=KEY.public_point, connection_grace_time_s=3, minimum_check_in_time_s=300,
        minimum_kernel_version=7))
    body = Bundle.read(data).manifest.body
    assert body.endswith(b"\x12\x43\x12\x41" + KEY.public_point + b"\x22\x02\x10\x07" + b"\x2a\x05\x08\x03\x10\xac\x02")


def test_archive_has_one_file_per_layer_then_the_manifest() -> None:
    with zipfile.ZipFile(io.BytesIO(create_bundle(ROM))) as file:
        assert file.namelist() == [hashlib.sha256(ROM).hexdigest(), "manifest"]
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_DEFLATED}
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_equal_arguments_give_equal_bytes() -> None:
    options = BundleOptions(signing_key=KEY, debug_auth_public_key=OTHER_KEY.public_point)
    assert create_bundle(ROM, options=options) == create_bundle(ROM, options=options)


@settings(max_examples=40, deadline=None)
@given(rom=st.binary(min_size=1, max_size=300), grace=u32, check_in=u32, kernel=u32, politeness=u32,
       signed=st.booleans(), debug=st.none() | points.filter(bool), debuggable=st.booleans(),
       crash=st.none() | st.builds(CrashPolicy, minimum_restart_ms=u32, maximum_restart_ms=u32, stack_bytes=u32,
                                   report_public_key=points))
def test_round_trip(rom: bytes, grace: int, check_in: int, kernel: int, politeness: int, signed: bool,
                    debug: bytes | None, debuggable: bool, crash: CrashPolicy | None) -> None:
    options = BundleOptions(
        debug_auth_public_key=debug, debuggable=debuggable, connection_grace_time_s=grace,
        minimum_check_in_time_s=check_in, minimum_kernel_version=kernel, maximum_politeness_time_s=politeness,
        crash=crash, signing_key=KEY if signed else None)
    bundle = Bundle.read(create_bundle(rom, options=options), signers=[OTHER_KEY.public_point, KEY.public_point])
    app = bundle.manifest.app
    assert bundle.rom() == rom
    assert bundle.signer == (KEY.key_id if signed else None)
    assert app.connectivity == ConnectivityPolicy(grace_time_s=grace, minimum_check_in_s=check_in)
    assert app.update == UpdatePolicy(maximum_politeness_s=politeness, minimum_kernel_version=kernel)
    assert app.crash == crash
    expected = DebugPolicy(debuggable=debuggable, auth_public_key=debug or b"") if debug or debuggable else None
    assert app.debug == expected
    assert AppBody.decode(app.encode()) == app
    assert Manifest.decode(bundle.manifest.encode()) == bundle.manifest


def test_several_layers_make_one_image() -> None:
    low, high, outside = b"low" * 5, b"high" * 5, b"outside"
    regions = (Region(start=0x1000, size=0x100), Region(size=0x20),
               Region(memory=Memory.EXTERNAL_FLASH, start=0x1000, size=0x100))
    data = archive(manifest(*(reference(content, region=region) for content, region
                              in zip((high, low, outside), regions, strict=True))), low, high, outside)
    bundle = Bundle.read(data)
    assert bundle.rom() == low + b"\xff" * (0x1000 - len(low)) + high
    assert [str(layer.region) for layer in bundle.layers] == [
        "internal flash 0x1000 to 0x1100", "internal flash 0x0 to 0x20", "external flash 0x1000 to 0x1100"]


def test_layers_of_equal_content_share_a_file() -> None:
    regions = Region(size=0x100), Region(start=0x100, size=0x100)
    content = b"twice"
    bundle = Bundle.read(archive(manifest(*(reference(content, region=region) for region in regions)), content))
    assert bundle.rom() == content + b"\xff" * (0x100 - len(content)) + content


def test_full_flash_fits() -> None:
    rom = b"\xa5" * APP_FLASH_SIZE
    assert Bundle.read(create_bundle(rom)).rom() == rom


def test_stored_members_and_other_dates_are_fine() -> None:
    content = create_bundle(ROM)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    assert Bundle.read(raw_zip(*reversed(members), method=zipfile.ZIP_STORED)) == Bundle.read(content)


GOOD = archive(manifest(reference()), ROM)
DIGEST = hashlib.sha256(ROM).hexdigest()
SIGNED = create_bundle(ROM, options=BundleOptions(signing_key=KEY))


def encrypted_flag(data: bytes) -> bytes:
    """Return the archive with the encryption flag set in its central directory."""
    at = data.index(b"PK\x01\x02") + 8
    return data[:at] + bytes([data[at] | 1]) + data[at + 1:]


def flipped(data: bytes, pattern: bytes) -> bytes:
    at = data.index(pattern)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def wrong_body() -> bytes:
    good = Bundle.read(SIGNED).manifest
    app = replace(good.app, update=UpdatePolicy(minimum_kernel_version=9))
    return archive(replace(good, body=app.encode(), app=app).encode(), ROM)


REFUSED: dict[str, tuple[Rule, Callable[[], bytes], str]] = {
    "no zip": (Rule.NOT_A_ZIP, lambda: b"this is no archive", "not a readable ZIP archive"),
    "empty": (Rule.NOT_A_ZIP, lambda: b"", "not a readable ZIP archive"),
    "cut short": (Rule.NOT_A_ZIP, lambda: GOOD[:-30], "not a readable ZIP archive"),
    "too many bytes": (Rule.TOO_BIG, lambda: b"PK" + bytes(32 << 20), "at most 33554432 are read"),
    "too many files": (Rule.TOO_BIG, lambda: raw_zip(*((f"{n:064x}", b"") for n in range(65))), "65 files"),
    "a bomb of one file": (Rule.TOO_BIG, lambda: raw_zip(("manifest", bytes(1 << 20))), "would unpack to 1048576"),
    "a bomb of many files": (
        Rule.TOO_BIG, lambda: raw_zip(*((f"{n:064x}", bytes(16 << 20)) for n in range(3))), "would unpack to 50331648"),
    "no manifest": (Rule.MANIFEST_MISSING, lambda: raw_zip((DIGEST, ROM)), "has no file 'manifest'"),
    "two manifests": (Rule.MEMBER_DUPLICATE, lambda: raw_zip(("manifest", b""), ("manifest", b"")),
                      "two files named 'manifest'"),
    "parent directory": (Rule.MEMBER_NAME, lambda: raw_zip(("../" + DIGEST, ROM)), "leads out of the bundle"),
    "absolute path": (Rule.MEMBER_NAME, lambda: raw_zip(("/etc/passwd", ROM)), "leads out of the bundle"),
    "backslash": (Rule.MEMBER_NAME, lambda: raw_zip(("..\\manifest", ROM)), "leads out of the bundle"),
    "folder": (Rule.MEMBER_NAME, lambda: raw_zip(("folder/", b"")), "leads out of the bundle"),
    "hidden NUL": (Rule.MEMBER_NAME, lambda: GOOD.replace(b"manifest", b"man\0fest"), "leads out of the bundle"),
    "readme": (Rule.MEMBER_SURPLUS, lambda: raw_zip(("README", b"hello")), "neither the manifest nor a layer"),
    "upper-case digest": (Rule.MEMBER_SURPLUS, lambda: raw_zip((DIGEST.upper(), ROM)), "neither the manifest nor"),
    "encrypted file": (Rule.MEMBER_DAMAGED, lambda: encrypted_flag(GOOD), "encrypted or compressed by another method"),
    "other compression": (Rule.MEMBER_DAMAGED, lambda: raw_zip(("manifest", b"x"), method=zipfile.ZIP_BZIP2),
                          "another method than deflate"),
    "damaged file": (Rule.MEMBER_DAMAGED,
                     lambda: flipped(raw_zip(("manifest", b"some text"), method=zipfile.ZIP_STORED), b"some text"),
                     "manifest can't be unpacked"),
    "manifest no protobuf": (Rule.MANIFEST_MALFORMED, lambda: archive(b"\xff\xff\xff\xff"), "the manifest is not a"),
    "body no protobuf": (Rule.MANIFEST_MALFORMED,
                         lambda: archive(Manifest(body=b"\x0a\x7f", app=AppBody(layers=())).encode()),
                         "body of the manifest is not a"),
    "no layers": (Rule.LAYERS_MISSING, lambda: archive(manifest()), "names no layer"),
    "empty manifest": (Rule.LAYERS_MISSING, lambda: archive(b""), "names no layer"),
    "file missing": (Rule.LAYER_FILE_MISSING, lambda: archive(manifest(reference())), f"layer 0 has no file: {DIGEST}"),
    "file surplus": (Rule.MEMBER_SURPLUS, lambda: archive(manifest(reference()), ROM, b"more"), "does not name"),
    "wrong content": (Rule.LAYER_HASH,
                      lambda: write_archive({DIGEST: ROM + b"!", "manifest": manifest(reference())}),
                      f"the manifest says {DIGEST}"),
    "wrong measurement": (
        Rule.LAYER_MEASUREMENT,
        lambda: archive(manifest(replace(reference(), measurement_hash=bytes(32))), ROM), "the manifest says 0000"),
    "no measurement": (Rule.LAYER_MEASUREMENT,
                       lambda: archive(manifest(replace(reference(), measurement_hash=b"")), ROM), "says nothing"),
    "empty fetch hash": (Rule.LAYER_FILE_MISSING,
                         lambda: archive(manifest(replace(reference(), fetch_hash=b"")), ROM), "fetch hash is empty"),
    "region missing": (Rule.REGION_MISSING, lambda: archive(manifest(replace(reference(), region=None)), ROM),
                       "layer 0 has no target region"),
    "region empty": (Rule.REGION_OUTSIDE, lambda: archive(manifest(reference(region=Region(size=0))), ROM),
                     "must be 1 byte or more"),
    "region past the end": (
        Rule.REGION_OUTSIDE, lambda: archive(manifest(reference(region=Region(start=1))), ROM), "0x1 to 0x100001"),
    "region far out": (
        Rule.REGION_OUTSIDE,
        lambda: archive(manifest(reference(region=Region(start=0xFFFF_FFFF, size=0x1000))), ROM), "end at 0x100000"),
    "region too small": (Rule.LAYER_TOO_LONG, lambda: archive(manifest(reference(region=Region(size=10))), ROM),
                         "has 204 bytes"),
    "regions overlap": (
        Rule.REGION_OVERLAP,
        lambda: archive(manifest(reference(region=Region(size=0x200)),
                                 reference(b"two", region=Region(start=0x1FF, size=0x100))), ROM, b"two"),
        "internal flash 0x0 to 0x200 and internal flash 0x1ff to 0x2ff"),
    "encrypted layer": (
        Rule.LAYER_ENCRYPTED, lambda: archive(manifest(replace(reference(), encrypted_with_key_id=5)), ROM),
        "encrypted with key 0x0000000000000005"),
    "debug key too short": (
        Rule.KEY_SHAPE, lambda: archive(manifest(reference(), debug=DebugPolicy(auth_public_key=b"\4" * 64)), ROM),
        "the debug key must be an uncompressed P-256 point"),
    "debug key compressed": (
        Rule.KEY_SHAPE,
        lambda: archive(manifest(reference(), debug=DebugPolicy(auth_public_key=b"\2" + bytes(64))), ROM),
        "beginning with 02"),
    "debug key off the curve": (
        Rule.KEY_SHAPE,
        lambda: archive(manifest(reference(), debug=DebugPolicy(auth_public_key=b"\4" + bytes(64))), ROM),
        "no point on the curve"),
    "crash key too short": (
        Rule.KEY_SHAPE, lambda: archive(manifest(reference(), crash=CrashPolicy(report_public_key=b"\4")), ROM),
        "the crash report key"),
    "signature too short": (
        Rule.SIGNATURE_SHAPE, lambda: archive(manifest(reference(), signer_id=7, signature=b"short"), ROM), "5 bytes"),
    "signature without signer": (
        Rule.SIGNATURE_SHAPE, lambda: archive(manifest(reference(), signature=bytes(64)), ROM), "signer id 0"),
    "signer without signature": (
        Rule.SIGNATURE_SHAPE, lambda: archive(manifest(reference(), signer_id=7), ROM), "0 bytes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_broken_rule_is_named(case: str) -> None:
    rule, make, message = REFUSED[case]
    with pytest.raises(BundleRejected, match=re.escape(message)) as caught:
        Bundle.read(make())
    assert caught.value.rule is rule
    assert isinstance(caught.value, BundleError)


def test_every_rule_has_a_refusal() -> None:
    with_keys = {Rule.SIGNATURE_MISSING, Rule.SIGNER_UNKNOWN, Rule.SIGNATURE_WRONG}
    assert {rule for rule, _, _ in REFUSED.values()} | with_keys == set(Rule)


def test_signature_rules() -> None:
    def rule(data: bytes, signers: list[bytes], *, required: bool = False) -> Rule:
        with pytest.raises(BundleRejected) as caught:
            Bundle.read(data, signers=signers, require_signature=required)
        return caught.value.rule

    assert Bundle.read(SIGNED).signer is None
    assert Bundle.read(SIGNED, signers=[KEY.public_point]).signer == KEY.key_id
    assert Bundle.read(GOOD, signers=[KEY.public_point]).signer is None
    assert rule(GOOD, [], required=True) is Rule.SIGNATURE_MISSING
    assert rule(SIGNED, [OTHER_KEY.public_point]) is Rule.SIGNER_UNKNOWN
    assert rule(wrong_body(), [KEY.public_point]) is Rule.SIGNATURE_WRONG
    zero = archive(manifest(reference(), signer_id=KEY.key_id, signature=bytes(64)), ROM)
    assert rule(zero, [KEY.public_point]) is Rule.SIGNATURE_WRONG


@pytest.mark.parametrize("rom", [b"", bytes(APP_FLASH_SIZE + 1)])
def test_image_must_fit_the_flash(rom: bytes) -> None:
    with pytest.raises(BundleRejected, match="it must have 1 to 1048576") as caught:
        create_bundle(rom)
    assert caught.value.rule is Rule.LAYER_TOO_LONG


def test_keys_are_checked_before_anything_is_written() -> None:
    with pytest.raises(BundleRejected, match="the debug key must be an uncompressed P-256 point"):
        create_bundle(ROM, options=BundleOptions(debug_auth_public_key=b"nonsense"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_give_a_bundle_error(data: bytes) -> None:
    with pytest.raises(BundleError):
        Bundle.read(data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SIGNED) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_bundle_gives_a_bundle_error_or_the_same_bundle(changes: list[tuple[int, int]]) -> None:
    data = bytearray(SIGNED)
    for position, value in changes:
        data[position] = value
    try:
        bundle = Bundle.read(bytes(data), signers=[KEY.public_point], require_signature=True)
    except BundleError:
        return
    assert bundle == Bundle.read(SIGNED, signers=[KEY.public_point])


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_random_manifest_gives_a_bundle_error(data: bytes) -> None:
    with pytest.raises(BundleError):
        Bundle.read(archive(data, ROM))
