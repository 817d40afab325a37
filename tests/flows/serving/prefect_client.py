"""A client of a home's Prefect server, and the requests that the server refuses."""

import asyncio
import base64
import http.client
import json
import uuid
from typing import Any

import websockets

OTHER = "http://page.example"


class Api:
    """A Prefect server and requests to it, with the secret where nothing else is said."""

    def __init__(self, port: int, secret: str) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/api"
        self.secret = secret

    def basic(self) -> str:
        """The value of the header that holds the secret."""
        return f"Basic {base64.b64encode(self.secret.encode()).decode()}"

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """The status and the text of an answer; headers are as given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            if body is not None:
                names.setdefault("content-type", "application/json")
            data = None if body is None else json.dumps(body)
            connection.request(method, f"/api{path}", data, names)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def headers(self) -> dict[str, str]:
        """The secret and a token against forged requests."""
        access = {"authorization": self.basic()}
        client = str(uuid.uuid4())  # another token for the same one ends the one before
        _, token = self.request("GET", f"/csrf-token?client={client}", **access)
        return {**access, "prefect-csrf-client": client, "prefect-csrf-token": json.loads(token)["token"]}

    def ask(self, path: str, body: Any) -> Any:
        """The content of an answer to a client that has all that it needs."""
        status, text = self.request("POST", path, body, **self.headers())
        assert status in (200, 201), text
        return json.loads(text)

    def flows(self) -> list[str]:
        """The names of the flows that the server knows."""
        return sorted(flow["name"] for flow in self.ask("/flows/filter", {}))

    def listen(self, origin: str | None, secret: bool) -> Any:
        """The type of the first answer to a WebSocket of that origin, with the secret or a wrong one."""

        async def first_answer() -> Any:
            url = self.url.replace("http", "ws") + "/events/out"
            sender: Any = origin and origin.format(self.port)
            async with websockets.connect(url, origin=sender, subprotocols=["prefect"]) as socket:  # type: ignore[list-item]
                token = self.secret if secret else "me:wrong"
                await socket.send(json.dumps({"type": "auth", "token": token}))
                return json.loads(await socket.recv())["type"]

        return asyncio.run(first_answer())


OTHER_HOSTS = ("page.example", "127.0.0.1.page.example", "10.0.0.1:4200")
SOCKETS = (
    (None, True, True),
    ("http://127.0.0.1:{}", True, True),
    (OTHER, True, False),
    ("null", True, False),
    ("http://localhost:{}", True, False),
    (None, False, False),
)
"""Origin, whether the secret is given, and whether such a WebSocket opens."""


def refused_headers(api: Api) -> dict[str, tuple[dict[str, str], int]]:
    """Return headers with which nobody may change anything, and the status of the refusal."""
    ours = api.headers()
    return {
        # The token is asked for before the secret: a request without either is a forged one to Prefect.
        "no secret": ({name: value for name, value in ours.items() if name != "authorization"}, 401),
        "a wrong secret": ({**ours, "authorization": "Basic eDp5"}, 401),
        "no token": ({"authorization": api.basic()}, 403),
        "another origin": ({**ours, "origin": OTHER}, 403),
        "another name": ({**ours, "host": "page.example"}, 403),
        "a form": ({**ours, "origin": OTHER, "content-type": "text/plain"}, 403),
    }
