"""Settings of fixtures: constants in flash that a test may change in the prebuilt image, without a compiler."""

from __future__ import annotations

from harness.errors import UsageError
from harness.firmware.build import Built, bundle_options
from harness.firmware.catalogue import fixture
from harness.formats.bundle import create_bundle
from harness.formats.elf import FLASH_BASE, ElfImage, Symbol, SymbolKind

_SECTION = ".settings"
_WORD = 4


def settings(name: str) -> dict[str, int]:
    """Return the settings of a fixture by name, with the values of its prebuilt image.

    Raises:
        UsageError: there is no such fixture.
    """
    image = ElfImage.read(fixture(name).elf.read_bytes())
    rom = image.rom()
    return {symbol.name: int.from_bytes(rom[symbol.address - FLASH_BASE:][:_WORD], "little")
            for symbol in _symbols(image)}


def with_settings(name: str, *, built: Built | None = None, **values: int) -> Built:
    """Return the image of a fixture with some of its settings changed.

    Args:
        name: of the fixture.
        built: another build than the prebuilt one.
        values: new values, 32 bits each; names are those of :func:`settings`.

    Raises:
        UsageError: no such fixture or setting, or a value that does not fit.

    Example::

        board.install(Bundle.read(with_settings("crash", crash_kind=4).bundle))
    """
    data = bytearray(fixture(name).elf.read_bytes() if built is None else built.elf)
    image = ElfImage.read(bytes(data))
    known = {symbol.name: symbol for symbol in _symbols(image)}
    section = next(section for section in image.sections if section.name == _SECTION) if known else None
    for setting, value in values.items():
        if section is None or setting not in known:
            raise UsageError(f"fixture {name!r} has no setting {setting!r}; it has: {', '.join(known) or 'none'}")
        if not 0 <= value <= 0xFFFF_FFFF:
            raise UsageError(f"setting {setting!r} takes 32 bits, not {value}")
        at = section.offset + known[setting].address - section.address
        data[at:at + _WORD] = value.to_bytes(_WORD, "little")
    elf = bytes(data)
    return Built(name=name, elf=elf, bundle=create_bundle(ElfImage.read(elf).rom(), options=bundle_options(name)))


def _symbols(image: ElfImage) -> list[Symbol]:
    """Return the objects in the section that holds the settings."""
    section = next((section for section in image.sections if section.name == _SECTION), None)
    if section is None:
        return []
    end = section.address + len(section.data)
    return sorted((symbol for symbol in image.symbols.values() if symbol.kind is SymbolKind.OBJECT
                   and section.address <= symbol.address < end), key=lambda symbol: symbol.name)
