"""The secret of a home: made once, kept, and for its owner's eyes only."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.serving.home_secret import home_secret, secret_file


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def test_it_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    secret = home_secret(tmp_path)
    user, _, password = secret.partition(":")
    assert user == "reelhouse"
    assert len(password) >= 40
    assert home_secret(tmp_path) == secret
    assert mode(secret_file(tmp_path)) == 0o600
    assert home_secret(tmp_path / "other") != secret


def test_processes_that_begin_together_agree(tmp_path: Path) -> None:
    program = "from pathlib import Path; from flows.serving.home_secret import home_secret\n"
    program += f"print(home_secret(Path({str(tmp_path)!r})))"
    processes = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    assert {process.communicate()[0].strip() for process in processes} == {home_secret(tmp_path)}


def test_what_a_person_wrote_stays_and_is_hidden_from_others(tmp_path: Path) -> None:
    file = secret_file(tmp_path)
    file.parent.mkdir()
    file.write_text("me:a password of mine\n")
    file.chmod(0o644)
    assert home_secret(tmp_path) == "me:a password of mine"
    assert mode(file) == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_secret_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = secret_file(tmp_path)
    file.parent.mkdir()
    file.write_bytes(content)
    assert home_secret(tmp_path).startswith("reelhouse:")
    assert mode(file) == 0o600
