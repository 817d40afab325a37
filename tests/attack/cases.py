"""Inputs of a directory that lies elsewhere, by the folders that its README lists."""

import gzip
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from connectors.mirror import DirectoryCatalogue, SyntheticCatalogue
from connectors.mirror import serve as serve_catalogue
from tests.attack.ground import Ground, Outcome, Result
from tests.attack.programs import serve
from tests.connectors.mirror.records import write_records
from tests.flows.lake import column


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each input; nothing where no directory was given."""
    if ground.cases is None:
        return
    for folder, attack in FOLDERS.items():
        for path in sorted((ground.cases / folder).glob("*")):
            yield ground.attempt(f"{folder}/{path.name}", partial(attack, ground, path.resolve()))


def _backups(ground: Ground, path: Path) -> Outcome:
    with ground.directory() as place:
        (place / "made").mkdir()
        ground.program(path, ground.backup, place / "made").done()
        for backup in sorted(entry for entry in (place / "made").iterdir() if entry.is_dir()):
            ground.reelhouse("restore", backup, home=place / "home").refused()
            assert not (place / "home").exists(), f"{backup.name} left a home"
    return "refused"


def _import(ground: Ground, path: Path) -> Outcome:
    if path.suffix == ".py":
        outcome: Outcome = "survived"
        with ground.directory() as place:
            ground.program(path, place).done()
            for file in sorted(place.iterdir()):
                outcome = _imported(ground, file)
        return outcome
    return _imported(ground, path)


def _imported(ground: Ground, file: Path) -> Outcome:
    ended = ground.small(ground.child("import", file))
    if ended.code == 0:
        ended.done()
        return "survived"
    return ended.refused()


def _backfill(ground: Ground, path: Path) -> Outcome:
    with serve_catalogue(SyntheticCatalogue(movies=ground.movies, seed=7)) as mirror:
        ground.reelhouse("backfill", "--ids", f"@{path}", "--plan", **mirror.env()).done()
    return "survived"


def _settings(ground: Ground, path: Path) -> Outcome:
    ground.reelhouse("status", REELHOUSE_CONFIG=str(path)).done()
    return "survived"


def _prefect(ground: Ground, path: Path) -> Outcome:
    with ground.directory() as place:
        home = Path(shutil.copytree(ground.home, place / "home"))
        with serve(ground, home, 0) as (port, _):
            ground.program(path, str(port)).done()
    return "refused"


def _movielens(ground: Ground, path: Path) -> Outcome:
    with ground.directory() as place:
        (place / "records" / "movielens").mkdir(parents=True)
        ground.program(path, place / "records" / "movielens" / "ml-latest-small.zip").done()
        with serve_catalogue(DirectoryCatalogue(place / "records")) as mirror:
            ended = ground.small(ground.child("ingest", "movielens", home=place / "home", **mirror.env()))
        return "survived" if ended.code == 0 else ended.failed()


def _tmdb(ground: Ground, path: Path) -> Outcome:
    """Serve the records beside others; each of them and of the others must be conformed."""
    with ground.directory() as place:
        root = write_records(place / "records")
        file = root / "tmdb" / "movies.jsonl.gz"
        file.write_bytes(file.read_bytes() + gzip.compress(path.read_bytes()))
        catalogue = DirectoryCatalogue(root)
        with serve_catalogue(catalogue) as mirror:
            ground.reelhouse("ingest", home=place / "home", **mirror.env()).done()
        ids = set(column(place / "home", "SELECT source_id FROM core.id_map WHERE source = 'tmdb'"))
        missing = [n for n in catalogue.ids() if str(n) not in ids]
        assert not missing, f"not conformed: {missing}"
        for command in (("sql", "FROM core.movies"), ("report", "-o", str(place / "report.html"))):
            ground.reelhouse(*command, home=place / "home").done()
    return "survived"


def _poster(ground: Ground, path: Path) -> Outcome:
    with ground.directory() as place:
        root = write_records(place / "records")
        shutil.copy(path, next((root / "posters" / "w185").glob("*.jpg")))
        with serve_catalogue(DirectoryCatalogue(root)) as mirror:
            ground.reelhouse("ingest", "tmdb", home=place / "home", **mirror.env()).done()
        widths = column(place / "home", "SELECT width FROM core.posters")
        assert len(widths) >= 5, widths
    return "survived"


FOLDERS: dict[str, Callable[[Ground, Path], Outcome]] = {
    "tmdb": _tmdb,
    "backup": _backups,
    "prefect": _prefect,
    "movielens": _movielens,
    "import": _import,
    "ids": _backfill,
    "posters": _poster,
    "settings": _settings,
}
"""Folder → how each input in it is tried; programs of the engine alone (`lake`) are not attacks."""
