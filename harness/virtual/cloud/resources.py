"""How resources look and what can be done with them, declared as data.

A :class:`Resource` lists the fields of its JSON; an :class:`Operation` lists method, path, parameters and the function
of the model that does it. The HTTP front, the contract file and the tests all read the same declarations.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import quote

from harness.formats.bundle import Bundle
from harness.virtual.cloud.parameters import Arguments, Kind, Param
from harness.virtual.cloud.records import Record
from harness.virtual.cloud.store import Collection

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import Cloud


class Api(StrEnum):
    """The four hosts."""

    SUPERSIM = "supersim"
    WIRELESS = "wireless"
    MICROVISOR = "microvisor"
    UPLOAD = "upload"


class Shape(StrEnum):
    """What a field of a resource holds."""

    TEXT = "string"
    SID = "sid"
    DATE = "date-time"
    ENUM = "enum"
    FLAG = "boolean"
    NUMBER = "integer"
    OCTETS = "integer of 64 bits"
    URI = "uri"
    METHOD = "http-method"
    OBJECT = "any object"
    MAP = "object"
    ARRAY = "array"
    TEXTS = "array of strings"
    OWN_URL = "url of the resource"
    LINKS = "urls of related resources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a resource's JSON.

    Attributes:
        format: what OpenAPI calls the kind of text it holds, if it has a name for it.
        nullable: whether an ENUM may be null; other fields are nullable but for NUMBER.
        read: how to get the value from a record; by default the attribute of the same name.
        links: for LINKS, name of the link to what follows the resource's own path.
        link: for LINKS that lead elsewhere too: makes them from the record and its URL.
    """

    name: str
    shape: Shape = Shape.TEXT
    prefix: str = ""
    values: tuple[str, ...] = ()
    format: str = ""
    nullable: bool = False
    read: Callable[[Any], object] | None = None
    links: tuple[tuple[str, str], ...] = ()
    link: Callable[[Any, str], dict[str, str | None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of resource as clients see it.

    Attributes:
        name: its name in the published specification, ``supersim.v1.sim``.
        key: name of the list in a list response.
        path: path of one record below the host, percent-encoded.
    """

    name: str
    key: str
    path: Callable[[Any], str]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A record that was changed or made; ``running`` where the change is still under way."""

    record: Record | SubRecord
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubRecord:
    """Something that is shown as a resource but kept inside another one: a network of a profile, a manifest."""

    owner: Record
    item: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a list operation lists; paging is for the front to do."""

    collection: Collection[Any]
    filters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list that is whole: small, or made for the question."""

    items: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Deleted:
    """It is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFollow:
    """A device's log is to be streamed."""

    device_sid: str
    follow: bool
    after: int


Result: TypeAlias = Record | SubRecord | Changed | Listing | Items | Deleted | LogFollow


class Call(NamedTuple):
    """One call of an operation: the keys in its path, decoded, its arguments, and the bundle of an upload."""

    keys: tuple[str, ...]
    arguments: Arguments
    bundle: Bundle | None = None

    @property
    def key(self) -> str:
        """The last key in the path."""
        return self.keys[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something a client can do.

    Attributes:
        path: below the host, with ``{Name}`` for each key.
        success: HTTP status of a response that is not 202 (update under way).
        paged: whether PageSize, Page and PageToken are understood.
        upload: whether the body is multipart/form-data with a part ``File``.
        runs: whether it may be answered with 202.
        sids: letters of the SID that a key of the path has to be, where no unique name will do.
    """

    name: str
    api: Api
    method: str
    path: str
    run: Callable[[Cloud, Call], Result]
    returns: Resource | None = None
    params: tuple[Param, ...] = ()
    success: int = 200
    paged: bool = False
    upload: bool = False
    runs: bool = False
    sids: Mapping[str, str] = field(default_factory=dict)


def render(resource: Resource) -> Callable[[object, str], str]:
    """Return a function that writes the JSON object of a record, given the root of the host in front of its paths.

    What never changes is written once: a record costs its values only.
    """
    template = "{" + ",".join(f"{_text(item.name)}:%s" for item in resource.fields) + "}"
    last: list[tuple[datetime | None, str]] = [(None, "null")]
    writers = tuple(_dates(item.read or attrgetter(item.name), last) if item.shape is Shape.DATE else _writer(item)
                    for item in resource.fields)
    path = resource.path

    def to_json(record: object, root: str) -> str:
        url = root + path(record)
        return template % tuple([write(record, url) for write in writers])

    return to_json


def iso(moment: datetime | None) -> str | None:
    """Return a date as the APIs write it: UTC, whole seconds."""
    if moment is None:
        return None
    return moment.isoformat(timespec="seconds")[:19] + "Z"


def segment(key: str) -> str:
    """Return a key as a segment of a path."""
    return quote(key, safe="")


_text = encode_basestring_ascii
_PLAIN = frozenset({Shape.TEXT, Shape.SID, Shape.ENUM, Shape.URI, Shape.METHOD})
def _dates(get: Callable[[Any], Any], last: list[tuple[datetime | None, str]]) -> Callable[[Any, str], str]:
    """Write dates; ``last`` holds the one that was written last, for new resources have the same one twice."""
    def date(record: Any, url: str) -> str:
        moment = get(record)
        known, text = last[0]
        if moment is not known:
            text = "null" if moment is None else f'"{iso(moment)}"'
            last[0] = (moment, text)
        return text

    return date


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def _writer(item: Field) -> Callable[[Any, str], str]:
    get: Callable[[Any], Any] = item.read or attrgetter(item.name)

    def plain(record: Any, url: str) -> str:
        value = get(record)
        return _text(value) if isinstance(value, str) else _ENCODER.encode(value)

    def links(record: Any, url: str) -> str:
        if item.link is not None:
            return _ENCODER.encode(item.link(record, url))
        return _ENCODER.encode({name: url + rest for name, rest in item.links})

    if item.shape in _PLAIN:
        return plain
    if item.shape is Shape.OWN_URL:
        return lambda record, url: _text(url)
    if item.shape is Shape.LINKS:
        return links
    return lambda record, url: _ENCODER.encode(get(record))


# Parameters and fields that many resources share.

METHODS = ("GET", "POST")

CALLBACK = (Param(name="CallbackUrl", kind=Kind.URL), Param(name="CallbackMethod", kind=Kind.ENUM, values=METHODS))

DATES = (Field(name="date_created", shape=Shape.DATE), Field(name="date_updated", shape=Shape.DATE))

URL = Field(name="url", shape=Shape.OWN_URL)


def identity(prefix: str) -> tuple[Field, Field]:
    """Return the fields that say whose resource it is, and which."""
    return (Field(name="sid", shape=Shape.SID, prefix=prefix), Field(name="account_sid", shape=Shape.SID, prefix="AC"))
