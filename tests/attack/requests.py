"""Requests to `reelhouse serve` without its secret, from pages of others and by other names."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import websockets

from tests.attack.ground import Ground, Outcome, Result
from tests.attack.programs import FOREIGN, exchange, serve
from tests.flows.serving.prefect_client import OTHER, OTHER_HOSTS, SOCKETS, Api, refused_headers
from tests.servers import free_port

CHANGE = {"description": "changed by a stranger"}
READS = ("/flows/filter", "/deployments/filter", "/variables/filter", "/flow_runs/filter", "/logs/filter")


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each request to Prefect's server and to the metrics."""
    metrics_port = free_port()
    metrics = f"http://127.0.0.1:{metrics_port}"
    with serve(ground, ground.copy("served"), metrics_port) as (port, secret):
        api = Api(port, secret)
        ground.secrets.append(secret.partition(":")[2])
        for name in refused_headers(api):
            yield ground.attempt(f"a change with {name}", partial(_change, ground, api, name))
        for path in READS:
            yield ground.attempt(f"POST {path} without the secret", partial(_read, ground, api, path))
        for host in OTHER_HOSTS:
            yield ground.attempt(
                f"Host: {host}", partial(_status, ground, api.url, "/api/health", {"host": host})
            )
        for headers in FOREIGN:
            for path in ("/", "/api/health"):
                attack = partial(_status, ground, api.url, path, headers)
                yield ground.attempt(f"GET {path}, {headers}", attack)
            attack = partial(_status, ground, metrics, "/metrics", headers)
            yield ground.attempt(f"GET /metrics, {headers}", attack)
        yield ground.attempt("a preflight", partial(_preflight, ground, api))
        for path in ("/../auth", "/..%2fauth", "/%2e%2e/%2e%2e/auth", "//auth", "/assets/..%2f..%2fauth"):
            yield ground.attempt(f"GET {path}", partial(_path, ground, api.url, path))
        for origin, own, opens in SOCKETS:
            if not opens:
                name = f"a WebSocket of {origin} with {'the' if own else 'a wrong'} secret"
                yield ground.attempt(name, partial(_socket, api, origin, own))
        yield ground.attempt("the owner's own request", partial(_owner, api))


def _change(ground: Ground, api: Api, name: str) -> Outcome:
    deployment = _deployments(api)[0]
    headers, expected = refused_headers(api)[name]
    status, text = api.request("PATCH", f"/deployments/{deployment['id']}", CHANGE, **headers)
    ground.hides(text)
    assert status == expected, f"status {status}"
    assert _deployments(api)[0] == deployment, "the deployment changed"
    return "refused"


def _deployments(api: Api) -> list[dict[str, Any]]:
    deployments = api.ask("/deployments/filter", {"sort": "NAME_ASC"})
    return [{key: each[key] for key in ("id", "name", "description", "paused")} for each in deployments]


def _read(ground: Ground, api: Api, path: str) -> Outcome:
    status, text = api.request("POST", path, {})
    ground.hides(text)
    assert status in (401, 403), f"status {status}"
    return "refused"


def _status(ground: Ground, url: str, path: str, headers: Mapping[str, str]) -> Outcome:
    status, text = exchange(url, "GET", path, **headers)
    ground.hides(text)
    assert status in (400, 403), f"status {status}"
    return "refused"


def _preflight(ground: Ground, api: Api) -> Outcome:
    asking = {"access-control-request-method": "PATCH", "access-control-request-headers": "content-type"}
    status, text = api.request("OPTIONS", "/deployments/filter", origin=OTHER, **asking)
    ground.hides(text)
    assert status == 403, f"status {status}"
    return "refused"


def _path(ground: Ground, url: str, path: str) -> Outcome:
    _, text = exchange(url, "GET", path)
    ground.hides(text)
    return "refused"


def _socket(api: Api, origin: str | None, own: bool) -> Outcome:
    try:
        answer = api.listen(origin, own)
    except (websockets.InvalidStatus, websockets.ConnectionClosed):
        return "refused"
    raise AssertionError(f"it opened: {json.dumps(answer)}")


def _owner(api: Api) -> Outcome:
    assert _deployments(api), "no deployments"
    return "survived"
