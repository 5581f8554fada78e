"""From method and path to an operation: a tree of path segments, built once from the declarations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote

from harness.virtual.cloud.resources import Api, Operation

SUFFIX = ".json"


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    key: _Node | None = None
    operations: dict[str, Operation] = field(default_factory=dict)


class Match(NamedTuple):
    """A path that is known.

    Attributes:
        operations: what can be done with it, by method.
        keys: the keys in the path, decoded, ``.json`` at the end left as it was.
        suffixed: whether the last key ends in ``.json``: it may or may not belong to the key.
    """

    operations: dict[str, Operation]
    keys: tuple[str, ...]
    suffixed: bool


class Router:
    """The paths of one API."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                if segment.startswith("{"):
                    node.key = node.key or _Node()
                    node = node.key
                else:
                    node = node.literals.setdefault(segment, _Node())
            node.operations[operation.method] = operation

    def match(self, raw_path: str) -> Match | None:
        """Return what a path, still percent-encoded, stands for; None if nothing does."""
        segments = raw_path.split("/")[1:]
        if not segments:
            return None
        node = self._root
        keys = []
        last = len(segments) - 1
        for position, raw in enumerate(segments):
            text = unquote(raw) if "%" in raw else raw
            if text in node.literals:
                node = node.literals[text]
            elif position == last and text.endswith(SUFFIX) and text[:-len(SUFFIX)] in node.literals:
                node = node.literals[text[:-len(SUFFIX)]]
            elif node.key is not None and text:
                node = node.key
                keys.append(text)
            else:
                return None
        if not node.operations:
            return None
        ends_in_key = node is not self._root and bool(keys) and segments[last].endswith(SUFFIX)
        return Match(operations=node.operations, keys=tuple(keys),
                     suffixed=ends_in_key and len(keys[-1]) > len(SUFFIX) and keys[-1].endswith(SUFFIX))


def routers(operations: Iterable[Operation]) -> dict[Api, Router]:
    """Return a router per API; one without operations knows no path."""
    every = tuple(operations)
    return {api: Router(operation for operation in every if operation.api is api) for api in Api}
