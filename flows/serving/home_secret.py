"""The secret by which a home's own Prefect server knows its clients."""

import os
import secrets
import tempfile
from pathlib import Path

from filelock import FileLock

USER = "reelhouse"


def secret_file(home: Path) -> Path:
    """Return the file that holds the secret of this home."""
    return home / "prefect" / "auth"


def home_secret(home: Path) -> str:
    """Return the secret of this home, `USER:PASSWORD`; the first call makes it.

    Only the owner may read its file (mode 0600). What a person wrote there stays.

    Raises:
        OSError: It can be neither read nor made.
    """
    file = secret_file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not _secret_in(file):
            # Put in place whole: a reader without the lock, such as a shell, sees all of it or no file.
            descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".auth-")
            os.write(descriptor, f"{USER}:{secrets.token_urlsafe(32)}\n".encode())
            os.close(descriptor)
            Path(temporary).replace(file)
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        return _secret_in(file)


def _secret_in(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (FileNotFoundError, ValueError):
        return ""
