"""Requests that no well-meaning client makes: each gets an error body of the API, none an internal error."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from harness.virtual.cloud import Choices

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack

ICCID = "8988307000000000001"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _raw(stack: Stack, target: bytes, *, method: bytes = b"GET", headers: bytes = b"", api: str = "supersim") -> bytes:
    """Return the whole answer to a request that is written as it stands."""
    import base64

    pair = base64.b64encode(":".join(stack.auth).encode())
    port = urlsplit(getattr(stack.server.urls, api)).port
    with socket.create_connection(("127.0.0.1", port or 0), timeout=5) as connection:
        connection.sendall(b"%b %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic %b\r\n%b\r\n"
                           % (method, target, pair, headers))
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def _healthy(stack: Stack) -> None:
    assert stack.world.journal.select("api_failed") == []
    assert requests.get(f"{stack.server.urls.supersim}/v1/Sims", auth=stack.auth, timeout=5).status_code == 200


@pytest.mark.parametrize("target", [
    b"/v1//Sims", b"/v1/./Sims", b"/v1/Sims/../Sims", b"/v1/Sims/%2e%2e", b"/v1/Sims/%00", b"/v1/Sims/a%00b",
    b"//v1/Sims",
    b"/v1/Sims/" + 4_000 * b"a", b"/v1/Sims/%", b"/v1/Sims/%zz", b"/v1/Sims/%ED%A0%80", b"/v1/Sims;x=1", b"/V1/sims",
    b"/v1/sims", b"/v1/Sims/one/two/three", b"/v1/Sims/one/BillingPeriods/", b"/v1/Sims/", b"/v1", b"/.json",
    b"/v1/Sims/.json", b"/v1/Sims.json.json", b"/v1/Sims%2Fone", b"/v1/Sims\xc3\xa9",
])
def test_odd_paths_are_not_found(stack: Stack, target: bytes) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    head, _, body = _raw(stack, target).partition(b"\r\n\r\n")
    assert head.split(b" ")[1] in (b"404", b"400"), head
    assert b'"code":20' in body
    assert b"Traceback" not in body
    _healthy(stack)


@pytest.mark.parametrize("form", [
    b"UniqueName=%00", b"UniqueName=a%0Ab", b"UniqueName=" + 65 * b"x", b"UniqueName=%ED%A0%80",
    b"UniqueName=%FF",
    b"UniqueName=HS" + 32 * b"a", b"UniqueName=a&UniqueName=b", b"Status=Active", b"Status=", b"Status=new",
    b"Status=scheduled", b"Status=active&Status=active", b"CallbackMethod=put", b"CallbackMethod=post",
    b"CallbackUrl=http://", b"CallbackUrl=", b"CallbackUrl=javascript:x", b"CallbackUrl=http://a%20b/",
    b"CallbackUrl=http://host:99999/", b"CallbackUrl=http://h/" + 3_000 * b"x", b"AccountSid=AC1", b"Fleet=a&Fleet=b",
])
def test_bad_values_change_nothing(stack: Stack, form: bytes) -> None:
    sid = stack.cloud.add_sim(ICCID, unique_name="one")
    url = f"{stack.server.urls.supersim}/v1/Sims/{sid}"
    before = requests.get(url, auth=stack.auth, timeout=5).json()
    answer = requests.post(url, data=form, headers=FORM, auth=stack.auth, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (400, 400), answer.text
    assert requests.get(url, auth=stack.auth, timeout=5).json() == before
    _healthy(stack)


@pytest.mark.parametrize("number", [
    "1e3", "0x10", "1.0", " 5", "+5", "\N{ARABIC-INDIC DIGIT THREE}", "99999999999999999999", "-1", "0", "nan", ""])
def test_numbers_are_decimal_and_bounded(stack: Stack, number: str) -> None:
    answer = requests.post(f"{stack.server.urls.supersim}/v1/Fleets", auth=stack.auth, timeout=5, data={
        "NetworkAccessProfile": "default", "DataLimit": number})
    assert (answer.status_code, answer.json()["code"]) == (400, 20422)
    _healthy(stack)


@pytest.mark.parametrize("flag", ["1", "0", "yes", "on", "", "truee", "None"])
def test_flags_are_true_or_false(stack: Stack, flag: str) -> None:
    answer = requests.post(f"{stack.server.urls.supersim}/v1/Fleets", auth=stack.auth, timeout=5, data={
        "NetworkAccessProfile": "default", "DataEnabled": flag})
    assert (answer.status_code, answer.json()["code"]) == (400, 20422)


@pytest.mark.parametrize("kind", [
    "application/json", "text/plain", "multipart/form-data; boundary=x", "application/xml", "",
    "application/x-www-form",
    "application/x-www-form-urlencoded2",
])
def test_other_media_types_get_415(stack: Stack, kind: str) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    answer = requests.post(f"{stack.server.urls.supersim}/v1/SmsCommands", data=b"Sim=one&Payload=x", auth=stack.auth,
                           headers={"Content-Type": kind}, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (415, 415)
    assert len(stack.cloud.sms_commands.commands) == 0


@pytest.mark.parametrize("kind", [
    "application/x-www-form-urlencoded; charset=utf-8", "Application/X-WWW-Form-URLEncoded",
    "application/x-www-form-urlencoded ;charset=UTF-8",
])
def test_a_form_is_one_however_it_is_spelt(stack: Stack, kind: str) -> None:
    stack.cloud.add_sim(ICCID, unique_name="one")
    answer = requests.post(f"{stack.server.urls.supersim}/v1/SmsCommands", data=b"Sim=one&Payload=x", auth=stack.auth,
                           headers={"Content-Type": kind}, timeout=5)
    assert answer.status_code == 201


def test_conditional_and_range_headers_have_no_effect(stack: Stack) -> None:
    sid = stack.cloud.add_sim(ICCID)
    url = f"{stack.server.urls.supersim}/v1/Sims/{sid}"
    plain = requests.get(url, auth=stack.auth, timeout=5)
    for headers in ({"If-None-Match": "*"}, {"If-Modified-Since": "Wed, 21 Oct 2065 07:28:00 GMT"}, {"If-Match": '"x"'},
                    {"Range": "bytes=0-3"}, {"Accept": "text/html"}, {"Accept-Encoding": "br"}):
        answer = requests.get(url, auth=stack.auth, timeout=5, headers=headers)
        assert (answer.status_code, answer.content) == (200, plain.content)


@pytest.mark.parametrize("header", [
    "", "Basic", "Basic ", "Basic !!!", "Basic YQ==", "Bearer", "Bearer ", "Digest username=x", "basic " + "A" * 5_000,
    "Bearer a.b.c", "Bearer ..", "Bearer AC.9999999999999.00",
])
def test_bad_credentials_are_one_answer(stack: Stack, header: str) -> None:
    answer = requests.get(f"{stack.server.urls.supersim}/v1/Sims", headers={"Authorization": header}, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    _healthy(stack)


def test_options_tell_a_browser_what_it_may(stack: Stack) -> None:
    url = f"{stack.server.urls.supersim}/v1/Sims"
    answer = requests.options(url, timeout=5, headers={
        "Origin": "https://example.com", "Access-Control-Request-Method": "POST"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert requests.options(f"{stack.server.urls.supersim}/v1/Nothing", timeout=5).status_code == 404
    token = requests.options(f"{stack.server.urls.supersim}/api-services/v1/auth/token", timeout=5)
    assert (token.status_code, token.headers["Access-Control-Allow-Origin"]) == (200, "*")


def test_head_is_get_without_its_body(stack: Stack) -> None:
    stack.cloud.add_sim(ICCID)
    device = stack.cloud.add_device(unique_name="board")
    with requests.Session() as session:
        session.auth = stack.auth
        for root, path in (("supersim", "/v1/Sims"), ("microvisor", f"/v1/Devices/{device}")):
            url = getattr(stack.server.urls, root) + path
            got, head = session.get(url, timeout=5), session.head(url, timeout=5)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.content))
        assert session.head(f"{stack.server.urls.supersim}/v1/Sims/nobody", timeout=5).status_code == 404
        assert session.head(f"{stack.server.urls.microvisor}/v1/Devices/board/Logs", timeout=5).status_code == 200
    assert requests.head(f"{stack.server.urls.supersim}/v1/Sims", timeout=5).status_code == 401


def test_both_can_be_refused(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack(choices=Choices(options_and_head="refuse"))
    url = f"{stack.server.urls.supersim}/v1/Sims"
    for method in ("OPTIONS", "HEAD"):
        answer = requests.request(method, url, auth=stack.auth, timeout=5)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


# -- pages ------------------------------------------------------------------------------------------------------------


def _sids(answer: dict[str, Any]) -> list[str]:
    return [sim["sid"] for sim in answer["sims"]]


def test_a_page_without_a_token_skips(stack: Stack) -> None:
    sids = [stack.cloud.add_sim(f"89883070000000000{number:02}") for number in range(7)][::-1]
    url = f"{stack.server.urls.supersim}/v1/Sims"

    def page(**query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = requests.get(url, params=query, auth=stack.auth, timeout=5).json()
        return answer

    assert _sids(page(PageSize=3, Page=1)) == sids[3:6]
    assert page(PageSize=3, Page=1)["meta"]["page"] == 1
    last = page(PageSize=3, Page=2)
    assert (_sids(last), last["meta"]["next_page_url"]) == (sids[6:], None)
    beyond = page(PageSize=3, Page=999_999_999_999)
    assert (_sids(beyond), beyond["meta"]["next_page_url"]) == ([], None)
    assert beyond["meta"]["first_page_url"] == f"{url}?PageSize=3&Page=0"
    assert _sids(page(PageSize=2, Page=1, Status="active")) == sids[2:4]


def test_a_forged_token_is_refused(stack: Stack) -> None:
    for number in range(3):
        stack.cloud.add_sim(f"898830700000000000{number}")
    url = f"{stack.server.urls.supersim}/v1/Sims"
    following = requests.get(f"{url}?PageSize=1", auth=stack.auth, timeout=5).json()["meta"]["next_page_url"]
    token = following.rpartition("=")[2]
    for forged in (token[:-1], token + "0", "PB" + token[2:], token.upper(), token[:2] + "f" * (len(token) - 2), "PA",
                   "x", token[:2] + "-" + token[3:], 5_000 * "a"):
        answer = requests.get(url, params={"PageToken": forged}, auth=stack.auth, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (400, 20422), forged
    answer = requests.get(url, params={"PageToken": [token, token]}, auth=stack.auth, timeout=5)
    assert answer.status_code == 400
    _healthy(stack)


def test_records_that_come_and_go_between_pages_disturb_nobody(stack: Stack) -> None:
    keys = [f"key-{number}" for number in range(6)]
    configs = stack.client.microvisor.configs
    for key in keys:
        configs.create(key, "x")
    url: str | None = f"{stack.server.urls.microvisor}/v1/Configs?PageSize=2"
    seen: list[str] = []
    while url:
        answer = requests.get(url, auth=stack.auth, timeout=5).json()
        seen += [item["key"] for item in answer["configs"]]
        if len(seen) == 2:
            configs.create("newer", "x")
            configs.delete(seen[1])
        url = answer["meta"]["next_page_url"]
    assert seen == keys[::-1]


def test_lists_that_are_made_for_the_question_have_pages_too(stack: Stack) -> None:
    url: str | None = f"{stack.server.urls.supersim}/v1/NetworkAccessProfiles/default/Networks?PageSize=2"
    pages: list[dict[str, Any]] = []
    while url:
        pages.append(requests.get(url, auth=stack.auth, timeout=5).json())
        url = pages[-1]["meta"]["next_page_url"]
    assert [len(page["networks"]) for page in pages] == [2, 2, 1]
    back = requests.get(pages[2]["meta"]["previous_page_url"], auth=stack.auth, timeout=5).json()
    assert back["networks"] == pages[1]["networks"]
    first = requests.get(back["meta"]["previous_page_url"], auth=stack.auth, timeout=5).json()
    assert (first["networks"], first["meta"]["previous_page_url"]) == (pages[0]["networks"], None)
    assert [page["meta"]["page"] for page in (*pages, back, first)] == [0, 1, 2, 1, 0]


@pytest.mark.parametrize("target", [
    b"/v1/Sims?Page=1e9", b"/v1/Sims?PageSize=%00", b"/v1/Sims?PageSize=" + 400 * b"9", b"/v1/Sims?Status=%FF",
    b"/v1/Sims?" + b"&".join(b"a=1" for _ in range(1_001)), b"/v1/Sims?Page=-0&Page=0",
    b"/v1/UsageRecords?StartTime=now",
    b"/v1/UsageRecords?StartTime=2026-02-30T00:00:00Z", b"/v1/UsageRecords?EndTime=9999-12-31T23:59:59-23:59",
    b"/v1/UsageRecords?StartTime=0001-01-01T00:00:00%2B23:59", b"/v1/UsageRecords?Network=HW1",
    b"/v1/UsageRecords?EndTime=0001-01-01T00:00:00Z", b"/v1/UsageRecords?EndTime=9999-12-31T00:00:00Z",
    b"/v1/UsageRecords?IsoCountry=USA", b"/v1/UsageRecords?Granularity=&Group=sim",
])
def test_bad_queries_are_400(stack: Stack, target: bytes) -> None:
    head, _, body = _raw(stack, target).partition(b"\r\n\r\n")
    assert head.split(b" ")[1] == b"400", head + body
    assert b'"status":400' in body
    _healthy(stack)


@pytest.mark.parametrize("query", [
    "End=0001-01-01T00:00:00Z", "Start=9999-12-31T23:59:59Z", "Start=0001-01-01", "End=9999-12-31",
    "Granularity=weekly", "Start=2026-03-01&End=2026-02-01"])
def test_bad_queries_of_wireless_usage_are_33101(stack: Stack, query: str) -> None:
    sid = stack.cloud.add_wireless_sim("8988306000000000001")
    for path in ("/v1/UsageRecords", f"/v1/Sims/{sid}/UsageRecords"):
        answer = requests.get(f"{stack.server.urls.wireless}{path}?{query}", auth=stack.auth, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (400, 33101)
    assert stack.world.journal.select("api_failed") == []


# -- what may be corrected --------------------------------------------------------------------------------------------


def test_an_empty_value_takes_a_url_back_that_is_set(stack: Stack, make_stack: Callable[..., Stack]) -> None:
    fleet = stack.client.supersim.fleets.create(network_access_profile="default", sms_commands_url="https://a.example/")
    assert fleet.update(sms_commands_url="").data["sms_commands_url"] is None
    url = f"{stack.server.urls.supersim}/v1/Fleets/{fleet.sid}"
    for form in ({"SmsCommandsUrl": ""}, {"IpCommandsUrl": ""}):
        assert requests.post(url, data=form, auth=stack.auth, timeout=5).json()["code"] == 20422
    sid = stack.cloud.add_wireless_sim("8988306000000000001")
    sim = stack.client.wireless.sim(sid).update(sms_url="http://a.example/", commands_callback_url="http://b.example/")
    assert sim.update(sms_url="", commands_callback_url="").data["sms_url"] is None
    wireless = f"{stack.server.urls.wireless}/v1/Sims/{sid}"
    for name in ("SmsUrl", "VoiceUrl", "CommandsCallbackUrl"):
        assert requests.post(wireless, data={name: ""}, auth=stack.auth, timeout=5).json()["code"] == 33101
    lenient = make_stack(choices=Choices(empty_url="clear"))
    other = lenient.client.supersim.fleets.create(network_access_profile="default")
    assert other.update(ip_commands_url="").data["ip_commands_url"] is None


def test_a_parameter_that_names_nothing(stack: Stack, make_stack: Callable[..., Stack]) -> None:
    def status(where: Stack, path: str, **form: str) -> tuple[int, int]:
        answer = requests.post(f"{where.server.urls.supersim}/v1{path}", data=form, auth=where.auth, timeout=5)
        return answer.status_code, answer.json()["code"]

    nothing = "HW" + 32 * "a"
    assert status(stack, "/NetworkAccessProfiles/default/Networks", Network=nothing) == (400, 20404)
    assert status(stack, "/NetworkAccessProfiles", Networks=nothing) == (404, 20404)
    assert status(stack, "/Fleets", NetworkAccessProfile="nowhere") == (404, 20404)
    like_the_path = make_stack(choices=Choices(unknown_reference_status=404))
    assert status(like_the_path, "/NetworkAccessProfiles/default/Networks", Network=nothing) == (404, 20404)


@pytest.mark.parametrize(("wanted", "basic", "bearer"), [("both", 200, 200), ("basic", 200, 401), ("bearer", 401, 200)])
def test_what_proves_who_asks(make_stack: Callable[..., Stack], wanted: Any, basic: int, bearer: int) -> None:
    stack = make_stack(choices=Choices(authentication=wanted))
    root = stack.server.urls.supersim
    token = requests.post(f"{root}/api-services/v1/auth/token", auth=stack.auth, timeout=5,
                          data={"grant_type": "client_credentials"}).json()["access_token"]
    assert requests.get(f"{root}/v1/Sims", auth=stack.auth, timeout=5).status_code == basic
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{root}/v1/Sims", headers=headers, timeout=5).status_code == bearer
