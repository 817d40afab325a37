"""The optional webhook: one JSON message when a run fails or a limit is breached.

A message never carries a secret, and a webhook that fails never fails a run: it is told in one line.
"""

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests

from flows.settings import Settings
from warehouse.ledger import redacted

TIMEOUT_SECONDS = 5.0
"""For the connection, and for each part of the answer."""
LONGEST_SECONDS = 15.0
"""For all of it; an answer that comes byte by byte never meets the other limit."""
LONGEST = 500  # characters of a message that is passed on
Json = dict[str, Any]


def run_failed(
    settings: Settings,
    *,
    run_id: str,
    flow: str,
    state: str,
    failures: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Send a failed run to the webhook; `failures` maps each failed step to its message."""
    names = ", ".join(failures) or "no step of its own"
    send(
        settings,
        {
            "event": "run failed",
            "text": f"reelhouse {flow} {run_id} is {state}: {names}",
            "flow": flow,
            "run_id": run_id,
            "state": state,
            "failed": dict(failures),
        },
        say,
    )


def send(settings: Settings, body: Json, say: Callable[[str], None]) -> bool:
    """Post `body` to the webhook of the settings and return whether it was taken; do nothing without one.

    `text` is what chat services show. Never raises; `say` gets one line when the webhook did not take it.
    """
    url = settings.webhook_url
    if url is None or not url.get_secret_value():
        return False
    message = {"host": socket.gethostname(), "home": str(settings.home), **body}
    secrets = [url.get_secret_value()]
    if settings.tmdb_token is not None:
        secrets.append(settings.tmdb_token.get_secret_value())
    outcome: list[str] = []
    sending = threading.Thread(
        target=lambda: outcome.append(_post(url.get_secret_value(), masked(message, secrets))),
        name="webhook",
        daemon=True,  # a service that never ends its answer ends with the process
    )
    sending.start()
    sending.join(LONGEST_SECONDS)
    complaint = outcome[0] if outcome else f"has not answered within {LONGEST_SECONDS:g} s"
    if complaint:
        say(f"the webhook {complaint}: see REELHOUSE_WEBHOOK_URL")
    return not complaint


def _post(url: str, message: Json) -> str:
    """Return what there is to complain about after posting the message; empty where it was taken."""
    try:
        with requests.post(
            url, json=message, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as answer:
            return "" if 200 <= answer.status_code < 300 else f"answered {answer.status_code}"
    except (requests.RequestException, ValueError) as error:
        return f"could not be reached ({type(error).__name__})"


def masked(value: Any, secrets: Sequence[str]) -> Any:
    """Return `value` with every secret in its texts replaced by ***, and long texts cut."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***") if secret else value
        text = redacted(value)
        return text if len(text) <= LONGEST else text[:LONGEST] + "…"
    if isinstance(value, Mapping):
        return {masked(key, secrets): masked(item, secrets) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [masked(item, secrets) for item in value]
    return value
