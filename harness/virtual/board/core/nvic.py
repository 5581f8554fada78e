"""The NVIC's registers: views on the exception model (DDI0553, D1.1 and B11). Addresses are offsets into the SCS."""

from __future__ import annotations

from harness.virtual.board.core.exceptions import FIRST_IRQ, IRQ_MASK, IRQS, ExceptionModel

_ISER, _ICER, _ISPR, _ICPR, _IABR, _ITNS, _IPR = 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400
_WORDS = (IRQS + 31) // 32
STIR = 0xF00


class Nvic:
    """Interrupt set/clear enable, set/clear pending, active, priority and software trigger registers."""

    __slots__ = ("_model",)

    def __init__(self, model: ExceptionModel) -> None:
        self._model = model

    def __repr__(self) -> str:
        return f"Nvic({self._model!r})"

    def covers(self, offset: int) -> bool:
        """Whether a word offset belongs to the NVIC."""
        return _ISER <= offset < _IPR + IRQS or offset == STIR

    def read(self, offset: int) -> int:
        """Return the word at ``offset``; registers that are not implemented read as zero."""
        model = self._model
        if offset >= _IPR:
            first = FIRST_IRQ + offset - _IPR
            values = model.priority[first:first + 4] if offset < _IPR + IRQS else ()
            return sum(value << (8 * index) for index, value in enumerate(values))
        shift = FIRST_IRQ + 32 * ((offset & 0x7F) // 4)
        source = {_ISER: model.enabled, _ICER: model.enabled, _ISPR: model.pending, _ICPR: model.pending,
                  _IABR: model.active}.get(offset & ~0x7F, 0)
        return (source & IRQ_MASK) >> shift & 0xFFFF_FFFF

    def write(self, offset: int, value: int) -> None:
        """Write the word at ``offset``."""
        model = self._model
        if offset == STIR:
            if value & 0x1FF < IRQS:
                model.pend(FIRST_IRQ + (value & 0x1FF))
            return
        if offset >= _IPR:
            for index in range(4):
                if (exception := FIRST_IRQ + offset - _IPR + index) < FIRST_IRQ + IRQS:
                    model.set_priority(exception, value >> (8 * index))
            return
        bits = value << (FIRST_IRQ + 32 * ((offset & 0x7F) // 4)) & IRQ_MASK
        match offset & ~0x7F:
            case 0x100:
                model.enabled |= bits
            case 0x180:
                model.enabled &= ~bits
            case 0x200:
                model.pending |= bits
            case 0x280:
                model.pending = model.pending & ~bits | bits & model.lines & ~model.active

    def is_priority(self, offset: int) -> bool:
        """Whether a word offset is a priority register, which may be written byte by byte."""
        return _IPR <= offset < _IPR + IRQS
