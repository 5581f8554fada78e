"""Questions to the admin side of a running stack."""

from __future__ import annotations

from typing import Any

_TIMEOUT = 30.0


def ask(stack: str | None, method: str, path: str, body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None) -> Any:
    """Return what the admin side of a running stack answers: the one of this name, or the only one.

    Raises:
        UsageError: no such stack, or it refused: its reason.
        CloudUnreachable: it does not answer.
    """
    import requests

    from harness.errors import CloudUnreachable, UsageError
    from harness.rig.doors import read_doors

    door = read_doors(stack)["admin"]
    session = requests.Session()
    session.trust_env = False
    try:
        response = session.request(method, f"{door['url']}{path}", json=body, params=query, timeout=_TIMEOUT,
                                   headers={"Authorization": f"Bearer {door['token']}"})
        answer = response.json()
    except (requests.exceptions.RequestException, ValueError) as error:
        raise CloudUnreachable(f"the stack does not answer: {type(error).__name__}") from None
    finally:
        session.close()
    if response.status_code != 200:
        raise UsageError(str(answer.get("error", response.reason)))
    return answer
