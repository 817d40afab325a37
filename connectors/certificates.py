"""What a library says of a certificate that it refused."""

import re
import ssl

_REFUSAL = re.compile(r"certificate verify failed: (.+?)(?: \(_ssl\.c:\d+\))?[')\"]*$")


def refused_certificate(error: BaseException | None) -> str | None:
    """Return why a certificate was refused, where that lies behind an error; None for another failure.

    Example:
        >>> refused_certificate(OSError("certificate verify failed: self-signed certificate (_ssl.c:1006)"))
        'self-signed certificate'
    """
    visited_ids: set[int] = set()
    while error is not None and id(error) not in visited_ids:
        visited_ids.add(id(error))
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        if match := _REFUSAL.search(str(error)):
            return match[1].rstrip(".")
        error = error.__cause__ or error.__context__
    return None
