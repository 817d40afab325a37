"""TMDb's answers as JSON, and its errors."""

import json

from starlette.responses import Response

ERRORS: dict[int, tuple[int, str]] = {
    5: (422, "Invalid parameters: Your request parameters are incorrect."),
    6: (404, "Invalid id: The pre-requisite id is invalid or not found."),
    7: (401, "Invalid API key: You must be granted a valid key."),
    9: (503, "Service offline: This service is temporarily offline, try again later."),
    11: (500, "Internal error: Something went wrong, contact TMDb."),
    20: (422, "Invalid date range: Should be a range no longer than 14 days."),
    22: (400, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."),
    24: (504, "Your request to the backend server timed out. Try again."),
    25: (429, "Your request count (#) is over the allowed limit of (40)."),
    27: (400, "Too many append to response objects: The maximum number of remote calls is 20."),
    34: (404, "The resource you requested could not be found."),
}
"""TMDb's status codes: HTTP status and message (https://developer.themoviedb.org/docs/errors)."""


class Refusal(Exception):
    """The request is answered with one of TMDb's errors."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def error_body(code: int) -> bytes:
    """Return the JSON that TMDb sends with one of its status codes."""
    return to_json({"success": False, "status_code": code, "status_message": ERRORS[code][1]})


def json_response(content: object, status: int = 200) -> Response:
    """Return `content` as TMDb sends JSON."""
    return Response(to_json(content), status, media_type="application/json;charset=utf-8")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(content: object) -> bytes:
    """Return `content` as compact JSON in UTF-8."""
    return _ENCODER.encode(content).encode()
