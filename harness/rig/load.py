"""Reading rig files: TOML to model, with errors that name file, key and allowed values."""

from __future__ import annotations

import difflib
import tomllib
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from harness.errors import RigFileError
from harness.rig.model import RigFile

_MAX_BYTES = 1 << 20


def load_rig(path: Path | str | None) -> RigFile:
    """Return what the rig file says; None gives the rig with one virtual modem and one virtual board.

    Raises:
        RigFileError: the file can't be read, is no TOML, or says something a rig file may not say.
    """
    if path is None:
        return RigFile()
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RigFileError(f"{path}: larger than {_MAX_BYTES} bytes, this is no rig file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RigFileError(f"{path}: can't be read: {error}") from None
    return parse_rig(text, name=str(path))


def parse_rig(text: str, *, name: str) -> RigFile:
    """Return what the text of a rig file says; ``name`` is what errors call the file.

    Raises:
        RigFileError: every rule that is broken, one line each.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RigFileError(f"{name}: not TOML: {error}") from None
    try:
        return RigFile.model_validate(data)
    except ValidationError as error:
        raise RigFileError("\n".join(_explain(name, problem) for problem in error.errors())) from None


def _explain(name: str, problem: Any) -> str:
    location: tuple[str | int, ...] = tuple(problem["loc"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".") or "the file"
    if problem["type"] == "extra_forbidden":
        allowed = _allowed_keys(location[:-1])
        guess = difflib.get_close_matches(str(location[-1]), allowed, n=1)
        hint = f" (did you mean {guess[0]!r}?)" if guess else ""
        return f"{name}: {key}: no such key{hint}; allowed here: {', '.join(allowed)}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    told = isinstance(given, str | int | float) and repr(given) not in message
    shown = f", not {given!r}" if told else ""
    return f"{name}: {key}: {message[:1].lower()}{message[1:]}{shown}"


def _allowed_keys(location: Iterable[str | int]) -> list[str]:
    model: type[BaseModel] = RigFile
    for part in location:
        if isinstance(part, str):
            found = _models_in(model.model_fields[part].annotation)
            if found is None:
                return []
            model = found
    return sorted(model.model_fields)


def _models_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((model for item in get_args(annotation) if (model := _models_in(item))), None)
