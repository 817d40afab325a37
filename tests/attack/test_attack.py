"""The program of all attacks, in its short form."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.attack.ground import Ended, Ground
from tests.warehouse.places import ROOT


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path, short=True, cases=None)


@pytest.mark.slow
def test_no_attack_of_the_short_form_breaks_anything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.attack", "--short", "--json", "--directory", tmp_path / "place"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    results = json.loads(ended.stdout)
    broken = [(kind, each) for kind, part in results.items() for each in part if each["outcome"] == "BROKEN"]
    assert (broken, ended.returncode) == ([], 0)
    empty = [kind for kind, part in results.items() if not part]
    assert empty == ["cases"]


def test_a_change_outside_is_broken_and_named_once(ground: Ground) -> None:
    def changing() -> str:
        (ground.outside / "folder" / "notes.txt").write_text("changed")
        return "survived"

    result = ground.attempt("writing", changing)  # type: ignore[arg-type]
    assert (result.outcome, result.detail) == ("BROKEN", "changed outside: folder/notes.txt")
    assert ground.attempt("nothing", lambda: "survived").outcome == "survived"


def test_a_secret_in_what_a_command_prints_is_broken(ground: Ground) -> None:
    result = ground.attempt("a leak", lambda: ground.program("-c", f"print({ground.secrets[0]!r})").refused())
    assert (result.outcome, result.detail) == ("BROKEN", "a secret in the output")


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (Ended(0, "", ""), "exit code 0"),
        (Ended(1, "", ""), "0 lines"),
        (Ended(1, "", "reelhouse: a\nreelhouse: b"), "2 lines"),
        (Ended(1, "", "reelhouse: a\x1b[31m"), "control characters"),
        (Ended(1, "", "Traceback (most recent call last)\nreelhouse: a"), "Traceback"),
        (Ended(1, "", "reelhouse: another reason"), "for another reason"),
    ],
)
def test_what_is_no_refusal_is_broken(ground: Ground, ended: Ended, reason: str) -> None:
    result = ground.attempt("it", lambda: ended.refused("this" if "another" in reason else ""))
    assert result.outcome == "BROKEN"
    assert reason in result.detail
    assert Ended(1, "", "reelhouse: no").refused() == "refused"
