"""The tutorial, as a reader follows it: the demo's home, then every block of Python in turn."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flows

PAGE = Path(flows.__file__).parent / "docs" / "tutorial.md"


@pytest.mark.slow
def test_the_tutorial_ends_with_a_comparison(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    assert len(blocks) == 6
    (tmp_path / "tutorial.py").write_text("".join(blocks), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
    environment = {**kept, "PYTHONPATH": str(PAGE.parents[2])}
    for arguments in (
        ["-m", "flows.cli", "demo", "--nights", "1", "--movies", "800", "--home", "reelhouse-demo"],
        ["tutorial.py"],
    ):
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
    movies, columns, comparison, snapshot = ended.stdout.splitlines()[-4:]
    assert re.search(r"'movies': \d{3,}", movies)
    assert re.search(r"\d+ movies; \d+ columns of features", columns)
    assert re.fullmatch(r"mine 0\.\d{3}, the champion 0\.\d{3} on \d+ movies", comparison)
    assert int(snapshot) > 0
