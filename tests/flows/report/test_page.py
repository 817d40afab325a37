"""The page has every section, degrades to sentences, and shows what came from a source as text."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from flows.errors import FlowError
from flows.report import write_report
from flows.report.thumbnails import Thumbnails
from models import LABEL_SETS
from models.baselines.published_rows import REPORT
from tests.flows.report.conftest import NASTY
from tests.flows.report.document import Document
from tests.flows.report.lake import METRICS, Lake, fill
from warehouse.errors import NoWarehouse, Unwritable


def read(path: Path) -> Document:
    return Document(path.read_text(encoding="utf-8"))


def rows(document: Document) -> str:
    """The page's text with single spaces."""
    return re.sub(r"\s+", " ", document.text)


def test_a_full_page_draws_every_kind_of_figure_once_per_ranked_genre(report: Path) -> None:
    document = read(report)
    labels = document.values("svg", "aria-label")
    for kind in ("ROC curve", "Precision against recall"):
        assert len([label for label in labels if label.startswith(kind)]) == 3
    assert len([label for label in labels if label.startswith("Calibration of")]) == 4
    assert len([label for label in labels if "correlation of genres" in label]) == 2
    for kind in ("Thresholds per genre", "Test movies with each genre", "Loss by epoch", "Movies per year"):
        assert len([label for label in labels if label.startswith(kind)]) == 1, kind
    assert all(labels), "every figure says what it shows"
    assert len(labels) == document.tags.count("svg") == document.tags.count("figure")


def test_links_resolve_and_ids_are_distinct(report: Path) -> None:
    document = read(report)
    ids = document.values(None, "id")
    assert len(ids) == len(set(ids))
    assert len([link for link in document.values("a", "href") if link.startswith("#")]) > 15
    assert document.dangling == set()


def test_the_page_needs_nothing_from_elsewhere(report: Path) -> None:
    document = read(report)
    assert not {"script", "iframe", "object", "embed", "base", "form"} & set(document.tags)
    assert all(source.startswith("data:image/jpeg;base64,") for source in document.values(None, "src"))
    links = document.values(None, "href") + document.values(None, "xlink:href")
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert "@import" not in document.text
    assert not re.search(r"url\((?!#)", report.read_text(encoding="utf-8"))
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in document.values(
        "meta", "content"
    )
    assert report.stat().st_size < 15_000_000


def test_hostile_titles_are_text(report: Path) -> None:
    document = read(report)
    assert not [name for _, name, _ in document.attributes if name.startswith("on")]
    for title in NASTY:
        assert title in document.text
    assert "{{ 7 * 7 }}" in document.text


def test_hostile_genres_tags_reasons_and_notes_are_text(lake: Lake) -> None:
    fill(lake, (), genres=("<b>A</b>", "🤠 $x^2$", "</svg><script>g</script>", "Zz"))
    lake.append("core.movie_tags", [{"movie_id": 1, "tag": "<script>tag</script>", "n_users": 1}])
    run = lake.warehouse.start_run("nightly", {})
    with lake.warehouse.step(run, "<i>step</i>") as step:
        step.note = "<script>note</script>"
    with lake.warehouse.transaction() as tx:
        set_aside = {"original": ["<script>row</script>"], "reason": ["<script>why</script>"]}
        tx.quarantine("tmdb", "raw.tmdb_movies", pa.table(set_aside))
    document = read(write_report(lake.settings()))
    assert "script" not in document.tags
    assert "i" not in document.tags
    for text in (
        "<b>A</b>",
        "🤠 $x^2$",
        "<script>tag</script>",
        "<script>note</script>",
        "<script>why</script>",
    ):
        assert text in document.text
    assert document.dangling == set()


def test_the_same_lake_gives_the_same_page(lake: Lake, tmp_path: Path) -> None:
    fill(lake, NASTY)
    pages = [write_report(lake.settings(), tmp_path / f"{i}.html").read_bytes() for i in range(2)]
    assert pages[0] == pages[1]


def test_an_empty_warehouse_gives_a_page_of_sentences(lake: Lake) -> None:
    document = read(write_report(lake.settings()))
    for sentence in (
        "Nothing has run yet.",
        "This run committed no batch",
        "the quarantine is empty",
        "No movie is held yet.",
        "No feature view has been built yet.",
        "No model has been trained yet.",
        "No training curve is recorded",
        "No movie has a genre yet.",
    ):
        assert sentence in document.text
    assert document.dangling == set()
    assert "svg" not in document.tags


def test_without_a_warehouse_the_error_says_what_to_run(tmp_path: Path, lake: Lake) -> None:
    settings = lake.settings().model_copy(update={"home": tmp_path / "elsewhere"})
    with pytest.raises(NoWarehouse, match="reelhouse demo"):
        write_report(settings)


def test_no_predictions_yet(lake: Lake) -> None:
    lake.movies(["One", "Two"])
    lake.genres({1: ["Drama"], 2: ["Comedy"]})
    lake.run(added=2)
    document = read(write_report(lake.settings()))
    assert "No model has been trained yet." in document.text
    assert document.values("svg", "aria-label") == ["Movies per year from 1981 to 1982; the most in 1981: 1."]
    assert document.dangling == set()


@pytest.mark.parametrize("bucket", [0, 5])
def test_one_movie(lake: Lake, bucket: int) -> None:
    lake.movies(["Only"], bucket=bucket)
    lake.genres({1: ["Drama"]})
    lake.champion("combined", METRICS)
    lake.scores("combined", {1: (0.1, 0.2, 0.9, 0.1)})
    lake.run()
    text = rows(read(write_report(lake.settings())))
    if bucket == 0:
        assert "No genre can be ranked on these test movies." in text
        assert "Only (1981)" in text
    else:
        assert "None of the scored movies is a labelled test movie" in text


def test_a_genre_without_positives_is_named_and_not_ranked(report: Path) -> None:
    document = read(report)
    assert "Not ranked, because all or none of the test movies have them: Western." in document.text
    assert not [label for label in document.values("svg", "aria-label") if "ROC curve of Western" in label]


def test_the_leaderboard_has_the_constant_and_tolerates_absent_metrics(report: Path) -> None:
    text = rows(read(report))
    # The combined model on the common movies, what it did not record as a dash; the constant below.
    assert re.search(r"combined comb0001 champion 10 0\.790 – – 0\.580 – – – – 0\.080 0\.810 of 12", text)
    assert re.search(r"poster post0001 champion – – – – – – – – – – –", text)
    assert re.search(r"a constant baseline \d+ 0\.500", text)


def test_models_that_have_scored_nothing_yet_stand_beside_the_constant(lake: Lake) -> None:
    lake.movies(["One", "Two"], bucket=0)
    lake.movies(["Three"], first=3, bucket=5)
    lake.genres({1: ["Drama"], 2: ["Comedy"], 3: ["Drama"]})
    lake.champion("combined", METRICS, thresholds={"Comedy": 0.4, "Drama": 0.5})
    lake.run()
    text = rows(read(write_report(lake.settings())))
    assert re.search(r"a constant baseline 2 0\.500", text)
    assert "each genre's share as its probability, Drama as the decision" in text


def test_metrics_that_are_no_mapping_do_not_break_the_page(lake: Lake) -> None:
    fill(lake, ())
    lake.champion("text", [1, 2])  # type: ignore[arg-type]
    assert "text0001" in read(write_report(lake.settings())).text


def test_suspects_are_labels_that_a_model_doubts_without_having_seen_them(lake: Lake) -> None:
    fill(lake, ("Only <b>one</b>",))
    genres = LABEL_SETS["movielens"].genres
    said = np.full((2, len(genres)), 0.5)
    said[0, genres.index("Action")] = 0.004  # given: probably wrong
    said[1, genres.index("Musical")] = 0.99  # not given: probably missing
    lake.turn(hours=1)
    lake.honest("movielens", "combined", [1, 2], said.tolist())
    with lake.warehouse.transaction() as tx:
        tx.execute("DELETE FROM ops.models WHERE model = 'combined'")
    lake.champion("combined", METRICS)
    document = read(write_report(lake.settings()))
    text = rows(document)
    assert re.search(r"Movie 1 \(\d+\) tt0000002 Musical does not give it 0\.990", text)
    assert re.search(r"Only <b>one</b> \(\d+\) tt0000001 Action gives it 0\.004", text)
    assert "surprise, nats" not in text
    assert "b" not in document.tags


def test_examples_tell_their_surest_genres_and_their_tags(lake: Lake) -> None:
    fill(lake, ())
    lake.append(
        "core.movie_tags", [{"movie_id": i, "tag": "<i>dusty</i>", "n_users": 2} for i in range(1, 61)]
    )
    lake.append(
        "core.movie_keywords", [{"movie_id": i, "keyword_id": 1, "keyword": "duel"} for i in range(1, 61)]
    )
    document = read(write_report(lake.settings()))
    found = re.findall(r"surest of (\w+) (\d\.\d\d), (\w+) (\d\.\d\d), (\w+) (\d\.\d\d)", rows(document))
    assert len(found) > 5
    assert all(float(one[1]) >= float(one[3]) >= float(one[5]) for one in found)
    assert document.text.count("tags: <i>dusty</i>, duel") == len(found)
    assert "i" not in document.tags


def test_posters_stand_by_era_and_directors_by_their_movies(lake: Lake) -> None:
    fill(lake, ())
    people = [(1, "b", "Ida Lupino"), (2, "b", "Ida Lupino"), (3, "a", "A. <script>Guy</script>")]
    lake.append(
        "core.movie_people",
        [{"movie_id": i, "source": "imdb", "person_id": whose, "name": name, "job": "director", "position": 0}
         for i, whose, name in people],
    )  # fmt: skip
    page = write_report(lake.settings()).read_text(encoding="utf-8")
    document = Document(page)
    assert "Ida Lupino 2" in rows(document)
    assert "script" not in document.tags
    eras = page[page.index("<h3>Posters by era</h3>") : page.index('<section id="runs">')]
    years = [int(year) for year in re.findall(r"<span>[^<]* \((\d{4})\)</span>", eras)]
    decades = [year // 10 for year in years]
    assert decades == sorted(decades)
    assert {decades.count(decade) for decade in (198, 199, 200, 201)} == {2}


def test_genre_counts_come_with_their_share_of_all_labels(lake: Lake) -> None:
    lake.movies(["One", "Two", "Three"])
    lake.genres({1: ["Comedy", "Drama"], 2: ["Drama"], 3: ["Drama"]})
    assert re.search(r"Drama 3 75\.0%\s*Comedy 1 25\.0%", rows(read(write_report(lake.settings()))))


def test_every_figure_that_the_comparison_points_to_is_on_the_page(lake: Lake) -> None:
    fill(lake, ())
    everyone = range(1, 61)
    lake.append("core.movie_tags", [{"movie_id": i, "tag": "dusty", "n_users": 2} for i in everyone])
    lake.append("core.movie_countries", [{"movie_id": i, "country": ("FR", "JP")[i % 2]} for i in everyone])
    lake.genres({i: ["Drama"] for i in everyone}, source="tmdb")
    lake.append(
        "core.movie_people",
        [
            {
                "movie_id": 1,
                "source": "imdb",
                "person_id": "b",
                "name": "Ida",
                "job": "director",
                "position": 0,
            }
        ],
    )
    text = rows(read(write_report(lake.settings())))
    missing = {row: what for row, words in REPORT.items() for what in words.split("; ") if what not in text}
    assert missing == {}


def test_genres_over_time_need_enough_movies_of_a_decade(lake: Lake) -> None:
    lake.movies([f"Movie {i}" for i in range(25)], year=1984)
    lake.movies([f"Later {i}" for i in range(19)], first=101, year=1994)
    lake.genres({i: ["Drama", "War"] if i < 6 else ["Drama"] for i in [*range(1, 26), *range(101, 120)]})
    labels = read(write_report(lake.settings())).values("svg", "aria-label")
    told = next(label for label in labels if label.startswith("Genres over time"))
    assert told.endswith("The commonest: 1980s Drama 100%.")


def test_progress_rises_to_its_end(lake: Lake) -> None:
    fill(lake, ())
    told: list[tuple[int, int | None]] = []
    write_report(lake.settings(), progress=lambda *now: told.append(now))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_what_changed_since_the_night_before(lake: Lake) -> None:
    fill(lake, ())
    lake.turn(hours=20)
    run = lake.warehouse.start_run("nightly", {})
    with lake.warehouse.step(run, "conform"), lake.warehouse.transaction() as tx:
        tx.execute("UPDATE core.movies SET title = 'Renamed', row_hash = 'new' WHERE movie_id = 7")
        tx.execute(
            "UPDATE predictions.scores SET predicted = NOT predicted WHERE movie_id = 9 AND genre = 'Drama'"
        )
    lake.warehouse.finish_run(run, "completed")
    path = write_report(lake.settings())
    assert path == lake.home / "reports" / f"2026-11-20-{run}.html"
    text = rows(read(path))
    assert "0 movies added, 1 changed, 0 deleted" in text
    assert "Renamed title Movie 6 Renamed" in text
    assert re.search(r"Drama movielens combined (1 0|0 1)", text)


def test_a_run_can_be_chosen_and_must_exist(lake: Lake) -> None:
    first = lake.run(added=1)
    lake.turn(hours=22)
    lake.run(added=2)
    assert first in write_report(lake.settings(), run_id=first).name
    with pytest.raises(FlowError, match="no run nope"):
        write_report(lake.settings(), run_id="nope")


def test_the_quarantine_tells_tonight_from_before(lake: Lake) -> None:
    def set_aside(n: int) -> None:
        with lake.warehouse.transaction() as tx:
            rows = pa.table({"original": ["x"] * n, "reason": ["year out of range"] * n})
            tx.quarantine("imdb", "raw.imdb_title_basics", rows)

    set_aside(3)
    lake.turn(hours=5)
    run = lake.warehouse.start_run("nightly", {})
    with lake.warehouse.step(run, "ingest"):
        set_aside(2)
    lake.warehouse.finish_run(run, "completed")
    text = rows(read(write_report(lake.settings())))
    assert "raw.imdb_title_basics year out of range 2 5 x" in text


def test_drift_names_what_moved(lake: Lake) -> None:
    lake.movies([f"Old {i}" for i in range(80)], runtime_minutes=100)
    lake.turn(days=1)
    run = lake.warehouse.start_run("nightly", {})
    lake.movies([f"New {i}" for i in range(60)], first=101, original_language="ko", runtime_minutes=100)
    lake.warehouse.finish_run(run, "completed")
    text = rows(read(write_report(lake.settings())))
    assert re.search(r"original language \d+\.\d+ moved ko 0\.\d% 9\d\.\d%", text)
    assert re.search(r"running time, half hours 0\.000 stable", text)


def test_an_unwritable_place_is_one_line(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unwritable, match="cannot write"):
        write_report(lake.settings(), tmp_path / "file" / "report.html")


def test_posters_become_small_jpegs_and_damaged_ones_nothing(lake: Lake) -> None:
    lake.movies(["One", "Two"])
    lake.posters([1, 2])
    one, two = lake.warehouse.query("SELECT sha256 FROM core.posters ORDER BY movie_id")["sha256"].to_pylist()
    store = lake.home / "posters"
    (store / two[:2] / f"{two}.jpg").write_bytes(b"not an image")
    thumbnails = Thumbnails(store)
    uri = thumbnails.uri(one, "JPEG")
    content = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (92, 138))
    assert thumbnails.uri(two, "JPEG") == ""
    assert thumbnails.uri(None, None) == ""
    assert Thumbnails(store, budget=len(uri) + 1).uri(one, "JPEG") == uri
    assert Thumbnails(store, budget=len(uri) - 1).uri(one, "JPEG") == ""


def test_posters_say_whose_they_are(report: Path) -> None:
    document = read(report)
    alts = document.values("img", "alt")
    assert alts
    assert len(alts) == document.tags.count("img")
    assert all(alt.startswith("Poster of ") for alt in alts)
