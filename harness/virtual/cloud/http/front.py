"""The ASGI application: finds the API and the operation, lets the model do it in one turn of the world, writes JSON.

Nothing is awaited inside a turn, and no request waits for another one's webhooks or for a board.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from harness.clock import NANOSECONDS
from harness.errors import BundleError
from harness.formats.bundle import Bundle
from harness.virtual.cloud.account import draw_hex
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.faults import Fault, FaultKind
from harness.virtual.cloud.http import bodies, oauth
from harness.virtual.cloud.http.admin import ROOT as ADMIN_ROOT
from harness.virtual.cloud.http.admin import Admin
from harness.virtual.cloud.http.answers import CORS, OK, Answer, refusal, to_bytes, unauthenticated
from harness.virtual.cloud.http.auth import Authenticator
from harness.virtual.cloud.http.contract import OPERATIONS, RESOURCES
from harness.virtual.cloud.http.durable import kept
from harness.virtual.cloud.http.paging import PAGING, Tokens, cut, meta, page_request
from harness.virtual.cloud.http.protocol import EXTENSION, Answering
from harness.virtual.cloud.http.router import SUFFIX, Match, routers
from harness.virtual.cloud.http.streams import LogStreams, last_event_id
from harness.virtual.cloud.parameters import Param, parse_arguments
from harness.virtual.cloud.records import Record
from harness.virtual.cloud.refusals import (
    CONFLICT,
    INTERNAL,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    UNKNOWN_PARAMETER,
    WIRELESS_PAGING,
    Refused,
    invalid,
    not_found,
)
from harness.virtual.cloud.resources import (
    Api,
    Call,
    Changed,
    Deleted,
    Items,
    Listing,
    LogFollow,
    Operation,
    Resource,
    Result,
    SubRecord,
    render,
)

CANONICAL = {"supersim.twilio.com": Api.SUPERSIM, "wireless.twilio.com": Api.WIRELESS,
             "microvisor.twilio.com": Api.MICROVISOR, "microvisor-upload.twilio.com": Api.UPLOAD,
             "supersim.api.korewireless.com": Api.SUPERSIM, "programmable-wireless.api.korewireless.com": Api.WIRELESS}
HOSTS = (*CANONICAL, oauth.HOST)
"""All host names under which clients know the services."""

Finished: TypeAlias = Record | SubRecord | Changed | Listing | Items | Deleted
"""A result that is written at once, in one piece."""

_TROUBLE = {FaultKind.TOO_MANY_REQUESTS: (20429, "Too Many Requests"),
            FaultKind.INTERNAL_ERROR: (INTERNAL, "Internal Server Error"),
            FaultKind.UNAVAILABLE: (20503, "Service is unavailable. Please try again.")}

_HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?")
_CACHE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request came in: which API, and the roots of its own and of its resources' URLs."""

    api: Api
    root: str


class Front:
    """The ASGI application of one cloud.

    Args:
        ports: which local port stands for which API; consulted where the Host header is not a canonical name.
    """

    def __init__(self, cloud: Cloud, ports: dict[int, Api]) -> None:
        self.cloud = cloud
        self.streams = LogStreams(cloud)
        self._ports = ports
        self._port_of = {api: port for port, api in ports.items()}
        self._auth = Authenticator(cloud.credentials(),
                                   seal=draw_hex(cloud.world.random("cloud.bearer")).encode())
        self._tokens = Tokens(draw_hex(cloud.world.random("cloud.pages")).encode())
        self._routers = routers(OPERATIONS)
        self._render = {resource.name: render(resource) for resource in RESOURCES}
        self._admin = Admin(cloud)
        self._unauthenticated = unauthenticated(cloud.choices)
        self._places: dict[tuple[str, str, int], Place] = {}
        with cloud.world.turn():
            cloud.snapshots.begin_here(again=False)
        self._bodies: dict[tuple[str, str], tuple[Record, int, bytes]] = {}

    def __repr__(self) -> str:
        return f"Front({self.cloud!r})"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        place = self._place(scope, headers.get(b"host", b""))
        try:
            answer = await self._answer(scope, headers, place, receive, send)
        except bodies.ClientGone:
            return
        except Refused as refused:
            answer = self._refused(scope, place, refused)
        except Exception as error:
            with self.cloud.world.turn():
                self.cloud.account.record("api_failed", method=scope["method"],
                                          error=f"{type(error).__name__}: {error}")
            answer = refusal(Refused(INTERNAL, "Internal error: please report it"), self.cloud.choices)
        if answer is None:
            return
        # taken out, because it knows the request that knows it, and that is work for the garbage collector
        at_once: Answering | None = scope.get("extensions", {}).get(EXTENSION, {}).pop("answer", None)
        if at_once is not None and at_once(answer):
            return
        length = (b"content-length", b"%d" % len(answer.body))
        sent = (length, *answer.headers) if answer.status != 204 else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": sent})
        await send({"type": "http.response.body", "body": answer.body})

    # -- the way in ---------------------------------------------------------------------------------------------------

    def _place(self, scope: Scope, host: bytes) -> Place:
        local = scope["server"] or ("127.0.0.1", 0)
        key = (scope["scheme"], host.decode("latin-1"), local[1])
        place = self._places.get(key)
        if place is None:
            found = _HOST.fullmatch(key[1])
            name = found["name"] if found else _bracketed(local[0])
            api = CANONICAL.get(name.lower())
            authority = key[1] if found else f"{name}:{local[1]}"
            if api is Api.UPLOAD:
                authority = authority.replace("microvisor-upload.", "microvisor.", 1)
            elif api is None and self._ports.get(local[1]) is Api.UPLOAD:
                authority = f"{name}:{self._port_of[Api.MICROVISOR]}"
            place = Place(api=api or self._ports.get(local[1], Api.SUPERSIM), root=f"{scope['scheme']}://{authority}")
            if len(self._places) >= _CACHE:
                self._places.clear()
            if found:  # what is no host name may be as long as a header can be
                self._places[key] = place
        return place

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes], place: Place, receive: Receive,
                      send: Send) -> Answer | None:
        raw_path = scope["raw_path"].decode("latin-1")
        if raw_path.startswith(ADMIN_ROOT):
            return await self._admin.answer(scope, headers, receive)
        if raw_path == oauth.PATH:
            return await self._token(scope, headers, receive)
        more_methods = self.cloud.choices.options_and_head == "answer"
        if scope["method"] == "OPTIONS" and more_methods:
            return self._preflight(place, raw_path)
        if not self._authenticated(headers.get(b"authorization")):
            return self._unauthenticated
        match = self._routers[place.api].match(raw_path)
        if match is None:
            raise not_found(raw_path.removeprefix("/v1") or "/")
        method = scope["method"]
        # HEAD is GET without its body (RFC 9110 clause 9.3.2); the connection leaves the body out
        operation = match.operations.get("GET" if method == "HEAD" and more_methods else method)
        if operation is None:
            return self._wrong_method(match)
        bundle = None
        if operation.upload:
            content, pairs = await bodies.upload(receive, scope["headers"], headers.get(b"content-length"))
            bundle = await asyncio.to_thread(_read_bundle, content)
        elif operation.method == "POST":
            pairs = await bodies.form(receive, headers.get(b"content-type"), headers.get(b"content-length"),
                                      other=self.cloud.choices.other_body_status)
        else:
            pairs = bodies.pairs(scope["query_string"])
        call_pairs = [pair for pair in pairs if pair[0] not in PAGING] if operation.paged else pairs
        arguments, ignored = parse_arguments(operation.params, call_pairs,
                                             aliases=self.cloud.choices.old_aliases)
        if ignored:
            self._count_ignored(ignored)
        fault = self._strike(operation) if self.cloud.faults.any else None
        if fault is not None and fault.kind is not FaultKind.LATENCY and fault.kind is not FaultKind.DROP_AFTER:
            return self._struck(scope, fault)
        with self.cloud.world.turn():
            result = self._run(operation, match, lambda keys: Call(keys=keys, arguments=arguments, bundle=bundle))
            written = None if isinstance(result, LogFollow) else self._written(operation, result, place, raw_path,
                                                                               pairs)
        if self.cloud.keeper is not None and self.cloud.keeper.behind:
            await kept(self.cloud.keeper)
        if fault is not None:
            if fault.kind is FaultKind.DROP_AFTER:
                return self._struck(scope, fault)
            await asyncio.sleep(fault.seconds)
        if not isinstance(result, LogFollow):
            return written
        if method == "HEAD":
            return Answer(status=200, headers=CORS)
        if self.streams.is_full:
            raise Refused(CONFLICT, "there are as many log streams open as there can be", status=503)
        events = b"text/event-stream" in headers.get(b"accept", b"")
        result = replace(result, after=max(result.after, last_event_id(headers.get(b"last-event-id", b""))))
        await self.streams.serve(result, events=events, receive=receive, send=send)
        return None

    def _strike(self, operation: Operation) -> Fault | None:
        with self.cloud.world.turn():
            fault = self.cloud.faults.strike(operation.name)
            if fault is not None:
                self.cloud.account.record("fault_struck", number=fault.number, operation=operation.name,
                                          kind=fault.kind.value)
        return fault

    def _struck(self, scope: Scope, fault: Fault) -> Answer | None:
        """Cut the connection, or answer as a service in trouble does."""
        if fault.kind in (FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER):
            scope["extensions"][EXTENSION]["abort"]()
            raise bodies.ClientGone
        code, message = _TROUBLE[fault.kind]
        headers = () if fault.retry_after is None else ((b"retry-after", b"%d" % fault.retry_after),)
        return refusal(Refused(code, message, status=int(fault.kind)), self.cloud.choices, headers)

    def _authenticated(self, header: bytes | None) -> bool:
        wanted = self.cloud.choices.authentication
        if wanted == "bearer" and header is not None and header[:7].lower() != b"bearer ":
            return False
        return self._auth.user(header, at=None if wanted == "basic" else self._seconds) is not None

    def _preflight(self, place: Place, raw_path: str) -> Answer:
        """Answer a browser that asks what it may do; it has no credentials to show yet (Fetch, CORS-preflight)."""
        match = self._routers[place.api].match(raw_path)
        if match is None:
            raise not_found(raw_path.removeprefix("/v1") or "/")
        return Answer(status=204, headers=(*CORS, (b"allow", self._allowed(match))))

    async def _token(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        if scope["method"] == "OPTIONS":
            return Answer(status=200, headers=CORS)
        if scope["method"] != "POST":
            return refusal(Refused(METHOD_NOT_ALLOWED, "Method not allowed"), self.cloud.choices,
                           ((b"allow", b"OPTIONS, POST"),))
        pairs = await bodies.form(receive, headers.get(b"content-type"), headers.get(b"content-length"))
        return oauth.answer(self._auth, headers.get(b"authorization"), pairs, now=self._seconds(),
                            scopes=self.cloud.choices.oauth_scopes)

    def _seconds(self) -> int:
        return self.cloud.world.now() // NANOSECONDS

    def _run(self, operation: Operation, match: Match, call: Callable[[tuple[str, ...]], Call]) -> Result:
        """Run the operation; a key that ends in ``.json`` is tried as it is, then without."""
        try:
            return operation.run(self.cloud, call(match.keys))
        except Refused as refused:
            if not match.suffixed or refused.code != NOT_FOUND:
                raise
        return operation.run(self.cloud, call((*match.keys[:-1], match.keys[-1][:-len(SUFFIX)])))

    def _count_ignored(self, ignored: int) -> None:
        if self.cloud.choices.unknown_parameters == "refuse":
            raise Refused(UNKNOWN_PARAMETER, "Unknown parameters")
        self.cloud.account.ignored_parameters += ignored

    # -- the way out --------------------------------------------------------------------------------------------------

    def _written(self, operation: Operation, result: Finished, place: Place, raw_path: str,
                 pairs: list[tuple[str, str]]) -> Answer:
        if isinstance(result, Deleted):
            return Answer(status=204, headers=CORS)
        resource = operation.returns
        assert resource is not None
        if isinstance(result, Listing | Items):
            return Answer(status=200, headers=OK, body=self._list(operation, resource, result, place, raw_path, pairs))
        status = operation.success
        if isinstance(result, Changed):
            status, result = 202 if result.running else status, result.record
        if operation.upload:
            status = self.cloud.choices.upload_status
        keep = operation.method != "POST"  # what was made just now is seldom asked for again before it changes
        return Answer(status=status, headers=OK, body=self._body(resource, result, place.root, keep=keep))

    def _body(self, resource: Resource, record: Record | SubRecord, root: str, *, keep: bool) -> bytes:
        if isinstance(record, SubRecord):
            return self._render[resource.name](record, root).encode()
        key = (record.sid, root)
        cached = self._bodies.get(key)
        if cached is not None and cached[0] is record and cached[1] == record.revision:
            return cached[2]
        body = self._render[resource.name](record, root).encode()
        if keep:
            if len(self._bodies) >= _CACHE:
                self._bodies.clear()
            self._bodies[key] = (record, record.revision, body)
        return body

    def _list(self, operation: Operation, resource: Resource, result: Listing | Items, place: Place, raw_path: str,
              pairs: list[tuple[str, str]]) -> bytes:
        list_name = raw_path.removesuffix(SUFFIX)
        try:
            asked = page_request(pairs, self._tokens, list_name)
        except Refused as refused:
            if place.api is not Api.WIRELESS:
                raise
            raise Refused(WIRELESS_PAGING, refused.message) from None
        records, older, newer = cut(result, asked)
        to_json = self._render[resource.name]
        token = next((text for name, text in pairs if name == "PageToken"), None)
        items = ",".join([to_json(record, place.root) for record in records])
        page = meta(key=resource.key, url=place.root + quote(list_name, safe="/%"), asked=asked, token=token,
                    filters=_filters(operation.params, pairs),
                    older=None if older is None else self._tokens.issue("PA", list_name, older),
                    newer=None if newer is None else self._tokens.issue("PB", list_name, newer))
        return b'{"%b":[%b],"meta":%b}' % (resource.key.encode(), items.encode(), to_bytes(page))

    def _wrong_method(self, match: Match) -> Answer:
        return refusal(Refused(METHOD_NOT_ALLOWED, "Method not allowed"), self.cloud.choices,
                       ((b"allow", self._allowed(match)),))

    def _allowed(self, match: Match) -> bytes:
        methods = set(match.operations)
        if self.cloud.choices.options_and_head == "answer":
            methods |= {"OPTIONS", *({"HEAD"} if "GET" in methods else ())}
        return ", ".join(sorted(methods)).encode()

    def _refused(self, scope: Scope, place: Place, refused: Refused) -> Answer:
        with self.cloud.world.turn():
            self.cloud.account.record("api_refused", api=place.api.value, method=scope["method"], code=refused.code,
                                      message=refused.message)
        return refusal(refused, self.cloud.choices)


def _filters(params: Iterable[Param], pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(param.name, text) for param in params for name, text in pairs if name == param.name]


def _read_bundle(content: bytes) -> Bundle:
    try:
        return Bundle.read(content)
    except BundleError as error:
        raise invalid("File", f"not an application bundle: {error}") from None


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
