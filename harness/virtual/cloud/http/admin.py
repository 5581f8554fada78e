"""The admin side, ``/_harness/``: what a rig, a person or another program may ask of the virtual cloud itself.

It has a token of its own and answers on loopback only. Bodies are JSON; every refusal is
``{"error": "the rule that was broken"}`` and has changed nothing.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope

from harness.errors import HarnessError
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.faults import FaultKind
from harness.virtual.cloud.http import bodies
from harness.virtual.cloud.http.admin_rig import rig_routes
from harness.virtual.cloud.http.admin_state import advance, state_routes
from harness.virtual.cloud.http.answers import Answer
from harness.virtual.cloud.http.contract import contract_document
from harness.virtual.cloud.http.durable import kept
from harness.virtual.cloud.resources import Api, iso

ROOT: Final = "/_harness"
MOST_ENTRIES: Final = 1_000
"""Journal entries in one answer."""

_BODY_LIMIT: Final = 64 << 10


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewSim(_Body):
    iccid: str = Field(pattern=r"^89\d{16,18}$")
    product: Literal["supersim", "wireless"] = "supersim"
    narrowband: bool = False
    status: str = "active"
    unique_name: str | None = None


class _NewCard(_Body):
    iccid: str = Field(pattern=r"^89\d{16,18}$")
    registration_code: str = Field(min_length=1, max_length=64)


class _NewDevice(_Body):
    sid: str | None = None
    unique_name: str | None = None
    logging: bool = False


class _NewFault(_Body):
    operation: str = Field(min_length=1, max_length=64)
    kind: FaultKind
    count: int | None = Field(default=1, ge=1)
    seconds: float = Field(default=0, ge=0, le=60)
    retry_after: int | None = Field(default=None, ge=0, le=3600)


class _Refusal(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Admin:
    """Answers requests to the admin side of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._routes: Mapping[tuple[str, str], Callable[[Mapping[str, str], bytes], object]] = {
            ("GET", ""): lambda query, body: {"paths": sorted({f"{ROOT}{path}" for _, path in self._known()})},
            ("GET", "/journal"): self._journal,
            ("GET", "/debugger"): self._debugger,
            ("GET", "/faults"): lambda query, body: {"faults": [asdict(fault) for fault in cloud.faults.all]},
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._remove_faults,
            ("POST", "/sims"): self._add_sim,
            ("POST", "/cards"): self._add_card,
            ("POST", "/devices"): self._add_device,
            **rig_routes(cloud), **state_routes(cloud),
        }

    def __repr__(self) -> str:
        return f"Admin({self._cloud!r})"

    def _known(self) -> Mapping[tuple[str, str], Callable[[Mapping[str, str], bytes], object]]:
        return {**self._cloud.admin_routes, **self._routes}

    async def answer(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """Answer a request below :data:`ROOT`."""
        try:
            self._check(scope, headers.get(b"authorization", b""))
            body = b""
            async for piece in bodies.chunks(receive, headers.get(b"content-length"), _BODY_LIMIT):
                body += piece
            if (scope["method"], scope["path"].rstrip("/")) == ("POST", f"{ROOT}/clock"):
                # On a thread: what is awaited while time passes may come through this very server.
                return _json(200, await asyncio.to_thread(advance, self._cloud.world, body))
            answer = _json(200, self._run(scope, body))
            if self._cloud.keeper is not None and scope["method"] != "GET":
                await kept(self._cloud.keeper)
            return answer
        except _Refusal as refusal:
            return _json(refusal.status, {"error": str(refusal)})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            return _json(400, {"error": f"{where}: {first['msg']}"})
        except HarnessError as error:
            return _json(400, {"error": str(error)})

    def _check(self, scope: Scope, header: bytes) -> None:
        client = (scope.get("client") or ("", 0))[0]
        if not (client.startswith("127.") or client == "::1"):
            raise _Refusal(403, "the admin side answers on loopback only")
        kind, _, token = header.partition(b" ")
        if kind.lower() != b"bearer" or not hmac.compare_digest(token.strip(), self._cloud.admin_token.encode()):
            raise _Refusal(401, "the admin side needs its own token: Authorization: Bearer TOKEN")

    def _run(self, scope: Scope, body: bytes) -> object:
        path = scope["path"].removeprefix(ROOT).rstrip("/")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if path.startswith("/openapi/") and scope["method"] == "GET":
            return self._contract(path.removeprefix("/openapi/").removesuffix(".json"))
        route = self._known().get((scope["method"], path))
        if route is None:
            known = any(path == other for _, other in self._known())
            raise _Refusal(405 if known else 404, f"there is no {scope['method']} {ROOT}{path}")
        with self._cloud.world.turn():
            return route(query, body)

    # -- what can be asked --------------------------------------------------------------------------------------------

    @staticmethod
    def _contract(api: str) -> object:
        try:
            return contract_document(Api(api))
        except ValueError:
            raise _Refusal(404, f"there is no API {api!r}: one of {', '.join(Api)}") from None

    def _journal(self, query: Mapping[str, str], body: bytes) -> object:
        since = _number(query, "since", 0)
        limit = min(_number(query, "limit", MOST_ENTRIES), MOST_ENTRIES)
        wanted = {name: query[name] for name in ("event", "source", "device") if name in query}
        entries: list[dict[str, Any]] = []
        position = since
        for entry in self._cloud.world.journal.since(since):
            if len(entries) == limit:
                break
            position = entry.seq + 1
            if all(getattr(entry, name) == value for name, value in wanted.items()):
                entries.append({"seq": entry.seq, **json.loads(entry.to_json())})
        return {"entries": entries, "next": position}

    def _debugger(self, query: Mapping[str, str], body: bytes) -> object:
        return {"events": [{"sid": event.sid, "date_created": iso(event.date_created), "code": event.code,
                            "message": event.message, "resource_sid": event.resource_sid}
                           for event in self._cloud.debugger_events]}

    # -- what can be done ---------------------------------------------------------------------------------------------

    def _add_fault(self, query: Mapping[str, str], body: bytes) -> object:
        wanted = _NewFault.model_validate(_object(body))
        fault = self._cloud.faults.add(wanted.operation, wanted.kind, count=wanted.count, seconds=wanted.seconds,
                                       retry_after=wanted.retry_after)
        self._cloud.account.record("fault_set", number=fault.number, operation=fault.operation, kind=fault.kind.value)
        return asdict(fault)

    def _remove_faults(self, query: Mapping[str, str], body: bytes) -> object:
        return {"removed": self._cloud.faults.remove(_number(query, "number", 0) or None)}

    def _add_sim(self, query: Mapping[str, str], body: bytes) -> object:
        wanted = _NewSim.model_validate(_object(body))
        if wanted.narrowband and wanted.product != "wireless":
            raise _Refusal(400, "narrowband is for Sims of product 'wireless' only")
        add: Callable[..., str] = self._cloud.add_sim if wanted.product == "supersim" else partial(
            self._cloud.add_wireless_sim, narrowband=wanted.narrowband)
        return {"sid": add(wanted.iccid, status=wanted.status, unique_name=wanted.unique_name)}

    def _add_card(self, query: Mapping[str, str], body: bytes) -> object:
        wanted = _NewCard.model_validate(_object(body))
        self._cloud.add_card(wanted.iccid, wanted.registration_code)
        return {"iccid": wanted.iccid}

    def _add_device(self, query: Mapping[str, str], body: bytes) -> object:
        wanted = _NewDevice.model_validate(_object(body))
        return {"sid": self._cloud.add_device(wanted.sid, wanted.unique_name, logging=wanted.logging)}


def _object(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _Refusal(400, "the body must be a JSON object") from None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _Refusal(400, f"{name} must be a whole number")
    return int(text)


def _json(status: int, value: object) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode())
