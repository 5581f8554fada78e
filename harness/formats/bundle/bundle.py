"""Application bundles: a ZIP with a manifest and one file per layer, read with suspicion and written to the byte."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.formats.bundle.manifest import (
    APP_FLASH_SIZE,
    AppBody,
    ConnectivityPolicy,
    CrashPolicy,
    DebugPolicy,
    LayerReference,
    Manifest,
    Memory,
    Region,
    UpdatePolicy,
)
from harness.formats.bundle.rules import BundleRejected, Rule
from harness.formats.bundle.signing import SIGNATURE_SIZE, SigningKey, check_public_point, key_id, signature_holds

MANIFEST_NAME = "manifest"
MAX_BUNDLE_SIZE = 32 << 20
"""Bytes; the internal flash area is 1 MiB, the rest is room for layers in external flash."""
MAX_MANIFEST_SIZE = 64 << 10
MAX_EXTERNAL_SIZE = 16 << 20
MAX_MEMBERS = 64

_LAYER_NAME = re.compile(r"[0-9a-f]{64}")
_SIZES = {Memory.INTERNAL_FLASH: APP_FLASH_SIZE, Memory.EXTERNAL_FLASH: MAX_EXTERNAL_SIZE}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# What zipfile and zlib raise on archives that are damaged or made to hurt.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError,
               RuntimeError, IndexError)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions:
    """What goes into a manifest beside the application.

    Attributes:
        debug_auth_public_key: uncompressed P-256 point (65 bytes) of who may debug; None leaves debugging out.
        debuggable: the flag beside that key; the vendor's bundler leaves it off.
        connection_grace_time_s: seconds after which a lost connection counts.
        minimum_check_in_time_s: interval in seconds at which an offline device connects; 0 stays connected.
        minimum_kernel_version: number of the oldest kernel the application runs on.
        maximum_politeness_time_s: seconds for which the application may put an update off.
        crash: restart and report policy; None leaves it out.
        signing_key: signs the manifest; None leaves it unsigned, as uploads are.
    """

    debug_auth_public_key: bytes | None = None
    debuggable: bool = False
    connection_grace_time_s: int = 0
    minimum_check_in_time_s: int = 0
    minimum_kernel_version: int = 0
    maximum_politeness_time_s: int = 0
    crash: CrashPolicy | None = None
    signing_key: SigningKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer: what the manifest says of it, where it goes, and its content."""

    reference: LayerReference
    region: Region
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """Lower-case hex SHA-256 of the content: the name of its file."""
        return self.reference.fetch_hash.hex()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Bundle:
    """A bundle that keeps every rule.

    Attributes:
        manifest: the parsed manifest.
        manifest_bytes: the manifest as it was in the archive.
        layers: in the order of the manifest.
        signer: key id of the known signer whose signature held, None if unsigned or not checked against a key.

    Example::

        bundle = Bundle.read(Path("app.zip").read_bytes())
        board.flash(bundle.rom())
    """

    manifest: Manifest
    manifest_bytes: bytes
    layers: tuple[Layer, ...]
    signer: int | None = None

    @classmethod
    def read(cls, data: bytes, *, signers: Sequence[bytes] = (), require_signature: bool = False) -> Bundle:
        """Return the bundle in an archive, after checking all of it.

        Args:
            data: the archive.
            signers: public keys (65-byte points) whose signatures are known. With any given, a signature must be by
                one of them and hold; with none, only its shape can be checked.
            require_signature: refuse an unsigned bundle.

        Raises:
            BundleRejected: a rule is broken; ``rule`` and the message say which.
        """
        return cls._of_members(_read_archive(data), signers, require_signature)

    @classmethod
    def of_members(cls, members: Mapping[str, bytes]) -> Bundle:
        """Return the bundle of the files of an archive by name, as :attr:`members` gave them, after checking all of it.

        Raises:
            BundleRejected: a rule is broken.
        """
        if MANIFEST_NAME not in members:
            raise BundleRejected(Rule.MANIFEST_MISSING, "the bundle has no file 'manifest'")
        return cls._of_members(dict(members), (), False)

    @property
    def members(self) -> dict[str, bytes]:
        """The files of its archive, by name."""
        return {MANIFEST_NAME: self.manifest_bytes, **{layer.digest: layer.content for layer in self.layers}}

    @classmethod
    def _of_members(cls, members: dict[str, bytes], signers: Sequence[bytes], require_signature: bool) -> Bundle:
        manifest_bytes = members.pop(MANIFEST_NAME)
        manifest = Manifest.decode(manifest_bytes)
        _check_keys(manifest.app)
        signer = _check_signature(manifest, signers, require_signature)
        if not manifest.app.layers:
            raise BundleRejected(Rule.LAYERS_MISSING, "the manifest names no layer")
        layers = tuple(_check_layer(number, reference, members)
                       for number, reference in enumerate(manifest.app.layers))
        _check_overlap(layers)
        surplus = sorted(members.keys() - {layer.digest for layer in layers})
        if surplus:
            raise BundleRejected(Rule.MEMBER_SURPLUS, f"the manifest does not name the file {surplus[0]}")
        return cls(manifest=manifest, manifest_bytes=manifest_bytes, layers=layers, signer=signer)

    def __repr__(self) -> str:
        signer = "" if self.signer is None else f", signer=0x{self.signer:016x}"
        return f"Bundle(app_hash={self.app_hash!r}, layers={[layer.digest[:12] for layer in self.layers]}{signer})"

    @property
    def app_hash(self) -> str:
        """The application's hash as the API shows it: ``sha256:`` and the hex SHA-256 of the manifest."""
        return f"sha256:{hashlib.sha256(self.manifest_bytes).hexdigest()}"

    def rom(self) -> bytes:
        """Return the image of internal flash from its start to the end of the last layer, gaps filled with 0xFF."""
        return flash_image(self.layers)

    def layer(self, digest: str) -> bytes | None:
        """Return the content of the layer with this lower-case hex SHA-256, or None if there is none."""
        return next((layer.content for layer in self.layers if layer.digest == digest), None)


def create_bundle(rom: bytes, *, options: BundleOptions | None = None) -> bytes:
    """Return a bundle of one layer at the start of application flash.

    Equal arguments give equal members; the archive is equal too wherever zlib compresses alike. Unsigned members are
    those the vendor's bundler writes.

    Args:
        rom: the flash image from 0x0800_0000, e.g. of :meth:`harness.formats.elf.ElfImage.rom`.
        options: policies and keys; by default none.

    Raises:
        BundleRejected: the image is empty or longer than application flash, or a key has the wrong shape.
    """
    options = options or BundleOptions()
    if not 0 < len(rom) <= APP_FLASH_SIZE:
        raise BundleRejected(Rule.LAYER_TOO_LONG,
                             f"the flash image has {len(rom)} bytes; it must have 1 to {APP_FLASH_SIZE}")
    region = Region()
    reference = LayerReference(region=region, fetch_hash=hashlib.sha256(rom).digest(),
                               measurement_hash=measure(rom, region.size))
    debug = None
    if options.debug_auth_public_key is not None or options.debuggable:
        debug = DebugPolicy(debuggable=options.debuggable, auth_public_key=options.debug_auth_public_key or b"")
    app = AppBody(
        layers=(reference,), debug=debug, crash=options.crash,
        update=UpdatePolicy(maximum_politeness_s=options.maximum_politeness_time_s,
                            minimum_kernel_version=options.minimum_kernel_version),
        connectivity=ConnectivityPolicy(grace_time_s=options.connection_grace_time_s,
                                        minimum_check_in_s=options.minimum_check_in_time_s))
    _check_keys(app)
    body = app.encode()
    key = options.signing_key
    manifest = Manifest(body=body, app=app, signer_id=key.key_id if key else 0,
                        signature=key.sign(body) if key else b"")
    return write_archive({reference.fetch_hash.hex(): rom, MANIFEST_NAME: manifest.encode()})


def measure(content: bytes, size: int) -> bytes:
    """Return the SHA-256 of a region of ``size`` bytes that holds ``content`` and then 0xFF."""
    return hashlib.sha256(content.ljust(size, b"\xff")).digest()


def flash_image(layers: Sequence[Layer]) -> bytes:
    """Return the image of internal flash that these layers make, gaps filled with 0xFF."""
    internal = [layer for layer in layers if layer.region.memory is Memory.INTERNAL_FLASH]
    image = bytearray(b"\xff" * max((layer.region.start + len(layer.content) for layer in internal), default=0))
    for layer in internal:
        image[layer.region.start:layer.region.start + len(layer.content)] = layer.content
    return bytes(image)


def write_archive(members: dict[str, bytes]) -> bytes:
    """Return a ZIP with these members in this order, without dates or owners."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)
    return out.getvalue()


def _read_archive(data: bytes) -> dict[str, bytes]:
    """Return the members by name. Nothing is unpacked before its name, method and size were found acceptable."""
    if len(data) > MAX_BUNDLE_SIZE:
        raise BundleRejected(Rule.TOO_BIG, f"the bundle has {len(data)} bytes; at most {MAX_BUNDLE_SIZE} are read")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_names(entries)
            if MANIFEST_NAME not in archive.NameToInfo:
                raise BundleRejected(Rule.MANIFEST_MISSING, "the bundle has no file 'manifest'")
            return {entry.filename: _read_member(archive, entry) for entry in entries}
    except _ZIP_ERRORS as error:
        if isinstance(error, BundleRejected):
            raise
        raise BundleRejected(Rule.NOT_A_ZIP, f"the bundle is not a readable ZIP archive: {error}") from error


def _check_names(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_MEMBERS:
        raise BundleRejected(Rule.TOO_BIG, f"the bundle has {len(entries)} files; at most {MAX_MEMBERS} are read")
    seen: set[str] = set()
    for entry in entries:
        name = entry.orig_filename
        if name != entry.filename or "/" in name or "\\" in name or name in ("", ".", ".."):
            raise BundleRejected(Rule.MEMBER_NAME, f"the file name {name!r} leads out of the bundle; names are "
                                                   "'manifest' and hex SHA-256 digests")
        if name in seen:
            raise BundleRejected(Rule.MEMBER_DUPLICATE, f"the bundle has two files named {name!r}")
        seen.add(name)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_BUNDLE_SIZE:
        raise BundleRejected(Rule.TOO_BIG, f"the bundle would unpack to {total} bytes; at most {MAX_BUNDLE_SIZE} are")
    for entry in entries:
        if entry.filename != MANIFEST_NAME and not _LAYER_NAME.fullmatch(entry.filename):
            raise BundleRejected(Rule.MEMBER_SURPLUS, f"the file {entry.filename!r} is neither the manifest nor a "
                                                      "layer named by its hex SHA-256 digest")


def _read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    name = entry.filename
    limit = MAX_MANIFEST_SIZE if name == MANIFEST_NAME else MAX_EXTERNAL_SIZE
    if entry.file_size > limit:
        raise BundleRejected(Rule.TOO_BIG, f"{name} would unpack to {entry.file_size} bytes; at most {limit} are read")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise BundleRejected(Rule.MEMBER_DAMAGED, f"{name} is encrypted or compressed by another method than deflate")
    try:
        with archive.open(entry) as file:
            content = file.read(limit + 1)
    except _ZIP_ERRORS as error:
        raise BundleRejected(Rule.MEMBER_DAMAGED, f"{name} can't be unpacked: {error}") from error
    if len(content) != entry.file_size:
        raise BundleRejected(Rule.MEMBER_DAMAGED, f"{name} unpacks to another size than the archive says")
    return content


def _check_keys(app: AppBody) -> None:
    if app.debug is not None and app.debug.auth_public_key:
        check_public_point(app.debug.auth_public_key, "the debug key")
    if app.crash is not None and app.crash.report_public_key:
        check_public_point(app.crash.report_public_key, "the crash report key")


def _check_signature(manifest: Manifest, signers: Sequence[bytes], required: bool) -> int | None:
    if not manifest.signature and not manifest.signer_id:
        if required:
            raise BundleRejected(Rule.SIGNATURE_MISSING, "the bundle is not signed")
        return None
    if len(manifest.signature) != SIGNATURE_SIZE or not manifest.signer_id:
        raise BundleRejected(
            Rule.SIGNATURE_SHAPE, f"a signed manifest has a signer id and a signature of {SIGNATURE_SIZE} bytes; this "
                                  f"one has signer id {manifest.signer_id} and {len(manifest.signature)} bytes")
    if not signers:
        return None
    known = {key_id(point): point for point in signers}
    point = known.get(manifest.signer_id)
    if point is None:
        raise BundleRejected(Rule.SIGNER_UNKNOWN, f"the bundle is signed with key 0x{manifest.signer_id:016x}, "
                                                  "which is none of the known signers")
    if not signature_holds(manifest.body, manifest.signature, point):
        raise BundleRejected(Rule.SIGNATURE_WRONG, f"the signature by key 0x{manifest.signer_id:016x} does not hold")
    return manifest.signer_id


def _check_layer(number: int, reference: LayerReference, members: dict[str, bytes]) -> Layer:
    what = f"layer {number}"
    region = reference.region
    if region is None:
        raise BundleRejected(Rule.REGION_MISSING, f"{what} has no target region")
    if not region.size or region.end > _SIZES[region.memory]:
        raise BundleRejected(Rule.REGION_OUTSIDE, f"{what} has the region {region}; it must be 1 byte or more, and end "
                                                  f"at 0x{_SIZES[region.memory]:x} or before")
    if reference.encrypted_with_key_id:
        raise BundleRejected(Rule.LAYER_ENCRYPTED, f"{what} is encrypted with key "
                                                   f"0x{reference.encrypted_with_key_id:016x}: only plain layers can "
                                                   "be checked and installed")
    content = members.get(reference.fetch_hash.hex())
    if content is None:
        raise BundleRejected(Rule.LAYER_FILE_MISSING,
                             f"{what} has no file: {reference.fetch_hash.hex() or 'its fetch hash is empty'}")
    digest = hashlib.sha256(content).digest()
    if digest != reference.fetch_hash:
        raise BundleRejected(Rule.LAYER_HASH, f"{what} has the SHA-256 {digest.hex()}, the manifest says "
                                              f"{reference.fetch_hash.hex()}")
    if len(content) > region.size:
        raise BundleRejected(Rule.LAYER_TOO_LONG,
                             f"{what} has {len(content)} bytes, its region {region} only {region.size}")
    measured = measure(content, region.size)
    if measured != reference.measurement_hash:
        raise BundleRejected(Rule.LAYER_MEASUREMENT, f"{what} fills its region to the SHA-256 {measured.hex()}, the "
                                                     f"manifest says {reference.measurement_hash.hex() or 'nothing'}")
    return Layer(reference=reference, region=region, content=content)


def _check_overlap(layers: Sequence[Layer]) -> None:
    regions = sorted((layer.region for layer in layers), key=lambda region: (region.memory.value, region.start))
    for lower, upper in itertools.pairwise(regions):
        if lower.memory is upper.memory and lower.end > upper.start:
            raise BundleRejected(Rule.REGION_OVERLAP, f"two layers overlap: {lower} and {upper}")
