"""Request bodies, bounded: forms for the APIs, one file for the upload host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Protocol
from urllib.parse import parse_qsl

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

from harness.formats.bundle import MAX_BUNDLE_SIZE
from harness.virtual.cloud.refusals import INVALID_PARAMETER, TOO_LARGE, Refused, invalid

FORM_LIMIT = 256 << 10
"""Largest form, in bytes as sent."""

UPLOAD_LIMIT = MAX_BUNDLE_SIZE + (64 << 10)
"""Largest upload, in bytes as sent, with the wrapping of its parts."""

MAX_FIELDS = 1_000

FORM = b"application/x-www-form-urlencoded"


class ClientGone(Exception):
    """The client hung up before its request was complete: nobody is left to answer."""


class _Chunks(Protocol):
    def __aiter__(self) -> AsyncIterator[bytes]: ...


async def chunks(receive: Receive, length: bytes | None, limit: int) -> AsyncIterator[bytes]:
    """Give the body piece by piece.

    Raises:
        Refused: it is, or says that it is, longer than ``limit``.
        ClientGone: it ends early.
    """
    _check_length(length, limit)
    taken, more = 0, True
    while more:
        piece, more = await _piece(receive)
        taken += len(piece)
        if taken > limit:
            raise _too_large(limit)
        if piece:
            yield piece


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def form(receive: Receive, content_type: bytes | None, length: bytes | None, *,
               other: int = 415) -> list[tuple[str, str]]:
    """Return names and values of a form.

    Args:
        other: HTTP status of the refusal of another media type.

    Raises:
        Refused: another media type, too large, too many fields, or not UTF-8.
    """
    _check_length(length, FORM_LIMIT)
    body, more = await _piece(receive)
    while more and len(body) <= FORM_LIMIT:
        piece, more = await _piece(receive)
        body += piece
    if len(body) > FORM_LIMIT:
        raise _too_large(FORM_LIMIT)
    if not body:
        return []
    if content_type is not None and content_type.split(b";", 1)[0].strip().lower() != FORM:
        raise Refused(INVALID_PARAMETER, f"the body must be {FORM.decode()}", status=other)
    return pairs(body)


def pairs(encoded: bytes) -> list[tuple[str, str]]:
    """Return names and values of a form or a query string.

    Raises:
        Refused: too many fields, or not UTF-8.
    """
    if not encoded:
        return []
    try:
        text = encoded.decode("utf-8")
        if "%" not in text and "+" not in text and text.count("&") < MAX_FIELDS:  # nothing to decode
            return [(name, value) for name, _, value in [pair.partition("=") for pair in text.split("&") if pair]]
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        rule = "text must be UTF-8" if isinstance(error, UnicodeError) else f"at most {MAX_FIELDS} parameters"
        raise Refused(INVALID_PARAMETER, f"the parameters can't be read: {rule}") from None


async def upload(receive: Receive, headers: Iterable[tuple[bytes, bytes]],
                 length: bytes | None) -> tuple[bytes, list[tuple[str, str]]]:
    """Return the content of the part ``File`` and the other fields of a multipart/form-data body.

    Raises:
        Refused: another media type, malformed, too large, or without exactly one ``File``.
    """
    known = Headers(raw=list(headers))
    if known.get("content-type", "").split(";", 1)[0].strip().lower() != "multipart/form-data":
        raise Refused(INVALID_PARAMETER, "the body must be multipart/form-data with a part named File", status=415)
    parser = MultiPartParser(known, _as_generator(chunks(receive, length, UPLOAD_LIMIT)), max_files=4, max_fields=20)
    try:
        fields = await parser.parse()
    except (MultiPartException, ValueError, KeyError):
        raise Refused(INVALID_PARAMETER, "the body is no well-formed multipart/form-data") from None
    try:
        files = [value for name, value in fields.multi_items() if name == "File" and isinstance(value, UploadFile)]
        if len(files) != 1:
            raise invalid("File", f"there must be exactly one file of this name, not {len(files)}")
        return await files[0].read(), [(name, value) for name, value in fields.multi_items() if isinstance(value, str)]
    finally:
        await fields.close()


async def _as_generator(pieces: AsyncIterator[bytes]):  # type: ignore[no-untyped-def]
    async for piece in pieces:
        yield piece


def _check_length(length: bytes | None, limit: int) -> None:
    if length is not None and (len(length) > 18 or int(length) > limit):
        raise _too_large(limit)


def _too_large(limit: int) -> Refused:
    return Refused(TOO_LARGE, f"the body must have at most {limit} bytes")
