"""A Prefect API: whether one answers, whether it takes our secret, and which one serves a home."""

import base64
import http.client
import json
import os
import urllib.parse
from pathlib import Path

from flows.engine.locks import is_held
from flows.errors import FlowError

HOST = "127.0.0.1"
SERVER = "serve"
"""The lock that the process holds whose server serves a home."""


def running_server(home: Path) -> str | None:
    """Return the URL of the API that `reelhouse serve` runs for this home; None where none answers.

    What a `serve` left that ended by force is not asked: another user's process may listen there by now, and
    would be sent the secret.
    """
    if not is_held(home, SERVER):
        return None
    try:
        url = str(json.loads((home / "prefect" / "server.json").read_text())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if healthy(url) else None


def same_server(url: str, own: str) -> bool:
    """Return whether two addresses, the second of which is on `HOST`, are those of one API."""
    names = [
        (HOST if parts.hostname == "localhost" else parts.hostname, parts.port, parts.path.rstrip("/"))
        for parts in map(urllib.parse.urlsplit, (url, own))
    ]
    return names[0] == names[1]


def healthy(url: str) -> bool:
    """Return whether a Prefect API answers."""
    return _status(url, "/health", {}) == 200


def require_access(url: str) -> None:
    """Raise `FlowError` where an API refuses `PREFECT_API_AUTH_STRING` of this process, or misses it.

    An API that does not answer, or that wants a key of Prefect Cloud, is left to Prefect's client.
    """
    secret = os.environ.get("PREFECT_API_AUTH_STRING", "")
    headers = {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"} if secret else {}
    if not os.environ.get("PREFECT_API_KEY") and _status(url, "/admin/version", headers) == 401:
        problem = "refuses PREFECT_API_AUTH_STRING" if secret else "wants PREFECT_API_AUTH_STRING"
        raise FlowError(
            f"the Prefect server at {url} {problem}: set it to the secret of that server; "
            "that of `reelhouse serve` is in prefect/auth of its home"
        )


def _status(url: str, path: str, headers: dict[str, str]) -> int | None:
    """Return the status of an answer; None where there is none."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or HOST, parts.port, timeout=2)
    try:
        connection.request("GET", f"{parts.path}{path}", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
