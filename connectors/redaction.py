"""What may be shown of an address, and what is read from an HTTP date: shared by both HTTP clients."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

USER_AGENT = "reelhouse (+https://pypi.org/project/reelhouse)"
SECRET_PARAMETERS = re.compile(
    r"(?i)\b(api_key|session_id|guest_session_id|request_token|access_token|token|password)=[^&#\s'\"]*"
)


def redact(text: str) -> str:
    """Return `text` without the secrets that a URL can carry: user:password@ and known query parameters."""
    text = re.sub(r"(?<=://)[^/@\s]+@", "", text)
    return SECRET_PARAMETERS.sub(r"\1=…", text)


@lru_cache(maxsize=256)
def parse_date(header: str | None) -> datetime | None:
    """Return the aware UTC time of an HTTP date header, or None where it is absent or unreadable."""
    if not header:
        return None
    try:
        parsed = parsedate_to_datetime(header)
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # the last: a year that no zone fits in
        return None
