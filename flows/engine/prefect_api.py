"""A Prefect API: whether one answers, and which one serves a home."""

import http.client
import json
import urllib.parse
from pathlib import Path

HOST = "127.0.0.1"


def running_server(home: Path) -> str | None:
    """Return the URL of the API that `reelhouse serve` runs for this home; None where none answers."""
    try:
        url = str(json.loads((home / "prefect" / "server.json").read_text())["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return url if healthy(url) else None


def healthy(url: str) -> bool:
    """Return whether a Prefect API answers."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or HOST, parts.port, timeout=2)
    try:
        connection.request("GET", f"{parts.path}/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
