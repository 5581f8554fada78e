"""Firmware for tests: bundles of fixtures and of the user's own images, and the symbols that belong to them."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError
from harness.firmware import fixture, fixture_names
from harness.formats.bundle import Bundle, create_bundle
from harness.formats.elf import ElfImage


class FirmwareShelf:
    """Bundles by name or file; remembers which ELF image belongs to which bundle.

    Args:
        folder: where bundles made of ELF files are put.

    Example::

        app = cloud.microvisor.upload(firmware.bundle("heartbeat"))
        app = cloud.microvisor.upload(firmware.bundle("build/app.elf"))
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._images: dict[str, Path] = {}

    def __repr__(self) -> str:
        return f"FirmwareShelf({len(self._images)} images)"

    def bundle(self, source: str | Path) -> Path:
        """Return the bundle of a fixture by its name, of an ELF file, or a finished bundle's own path.

        Raises:
            UsageError: no such fixture or file.
            ElfError, BundleError: the file is malformed, or not for this board.
        """
        path = Path(source)
        if path.suffix == ".elf" or (path.is_file() and path.suffix != ".zip"):
            return self._made_of(path)
        if path.suffix == ".zip":
            self._remember(path, path.with_suffix(".elf"))
            return path
        found = fixture(str(source))
        self._remember(found.bundle, found.elf)
        return found.bundle

    def elf(self, name: str) -> Path:
        """Return the ELF file of a fixture; raises UsageError if there is none of this name."""
        return fixture(name).elf

    def symbols_of(self, app_hash: str) -> ElfImage | None:
        """Return the image that the bundle with this hash (``sha256:...``) was made of, None if that is not known."""
        path = self._images.get(app_hash)
        return ElfImage.read(path.read_bytes()) if path is not None else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fixtures that ship with the harness."""
        return fixture_names()

    def _made_of(self, path: Path) -> Path:
        try:
            image = ElfImage.read(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{path}: can't be read: {error.strerror or error}") from None
        made = self._folder / f"{path.stem}.zip"
        made.write_bytes(create_bundle(image.rom()))
        self._remember(made, path)
        return made

    def _remember(self, bundle: Path, elf: Path) -> None:
        try:
            app_hash = Bundle.read(bundle.read_bytes()).app_hash
        except OSError as error:
            raise UsageError(f"{bundle}: can't be read: {error.strerror or error}") from None
        if elf.is_file():
            self._images[app_hash] = elf
