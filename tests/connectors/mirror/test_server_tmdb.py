"""TMDb's API, exports and images over real HTTP, and beside recorded answers."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from connectors.mirror import DirectoryCatalogue, Mirror, serve
from tests.connectors.mirror.conftest import Client
from tests.connectors.mirror.records import DAY, MOVIES, jpeg, write_lines

ALL_PARTS = "keywords,credits,release_dates,external_ids,alternative_titles"


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Client]:
    """A mirror of 250 movies: odd ids are dramas of 2000, even ones comedies of 1990."""
    movies = [
        {
            **MOVIES[0],
            "id": i,
            "imdb_id": f"tt{i:07}",
            "popularity": float(i),
            "vote_count": i,
            "genres": [{"id": 18, "name": "Drama"}] if i % 2 else [{"id": 35, "name": "Comedy"}],
            "release_date": "2000-05-05" if i % 2 else "1990-05-05",
        }
        for i in range(1, 251)
    ]
    write_lines(tmp_path / "many/tmdb/movies.jsonl.gz", movies)
    with serve(DirectoryCatalogue(tmp_path / "many", today=DAY)) as mirror:
        client = Client(mirror)
        with client.session:
            yield client


def error(answer: requests.Response) -> tuple[int, int]:
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    body = answer.json()
    assert body["success"] is False
    assert body["status_message"]
    return answer.status_code, body["status_code"]


def test_details_carry_only_the_parts_asked_for(client: Client) -> None:
    plain = client.json("/3/movie/5")
    assert plain["title"] == "The Tin Harbour"
    assert not {"keywords", "credits", "release_dates", "external_ids", "alternative_titles"} & set(plain)
    full = client.json("/3/movie/5", append_to_response=ALL_PARTS)
    assert full["keywords"]["keywords"][0]["name"] == "word 1"
    assert full["credits"]["cast"][0]["name"] == "Ada Amber"
    assert full["release_dates"]["results"][0]["release_dates"][0]["certification"] == "R"
    assert full["external_ids"]["imdb_id"] == "tt0000105"
    assert full["alternative_titles"] == {"titles": []}
    assert plain.items() <= full.items()


def test_details_go_by_imdb_id_and_by_slug_too(client: Client) -> None:
    assert client.json("/3/movie/tt0000106")["id"] == 6
    assert client.json("/3/movie/5-the-tin-harbour")["id"] == 5


def test_a_part_has_its_own_address(client: Client) -> None:
    assert client.json("/3/movie/20/keywords") == {"id": 20, "keywords": [{"id": 1, "name": "word 1"}]}
    assert client.json("/3/movie/5/credits")["crew"][0]["job"] == "Director"
    assert error(client.get("/3/movie/5/nonsense")) == (404, 34)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/3/movie/8", (404, 34)),
        ("/3/movie/tt9999999", (404, 34)),
        ("/3/movie/five", (404, 6)),
        ("/3/nowhere", (404, 34)),
        ("/3/movie/5?append_to_response=" + ",".join("abcdefghijklmnopqrstu"), (400, 27)),
        ("/3/discover/movie?page=501", (400, 22)),
        ("/3/discover/movie?page=0", (400, 22)),
        ("/3/discover/movie?page=x", (400, 22)),
        ("/3/discover/movie?sort_by=nonsense.desc", (422, 5)),
        ("/3/movie/changes?start_date=2026-01-01&end_date=2026-01-16", (422, 20)),
        ("/3/movie/changes?start_date=yesterday", (422, 5)),
        ("/3/find/tt0000105", (422, 5)),
    ],
)
def test_errors_have_tmdbs_codes(client: Client, path: str, expected: tuple[int, int]) -> None:
    assert error(client.get(path)) == expected


def test_a_key_is_needed_in_either_form(client: Client) -> None:
    bare = client.mirror.url + "/3/configuration"
    assert error(requests.get(bare, timeout=20)) == (401, 7)
    assert error(requests.get(bare, headers={"Authorization": "Bearer "}, timeout=20)) == (401, 7)
    assert requests.get(bare, params={"api_key": "k"}, timeout=20).status_code == 200
    assert requests.get(bare, headers={"Authorization": "Bearer k"}, timeout=20).status_code == 200


def test_an_expected_token_refuses_others(catalogue: DirectoryCatalogue) -> None:
    with serve(catalogue, token="right") as mirror:
        assert mirror.env()["REELHOUSE_TMDB_TOKEN"] == "right"
        for token, status in (("right", 200), ("wrong", 401)):
            headers = {"Authorization": f"Bearer {token}"}
            answer = requests.get(mirror.url + "/3/genre/movie/list", headers=headers, timeout=20)
            assert answer.status_code == status


def test_the_configuration_points_images_back_at_the_mirror(client: Client) -> None:
    images = client.json("/3/configuration")["images"]
    assert images["secure_base_url"] == client.mirror.url + "/t/p/"
    assert images["poster_sizes"] == ["w92", "w154", "w185", "w342", "w500", "w780", "original"]
    assert client.get("/t/p/w185/tt0000105.jpg").url.startswith(images["base_url"])


def test_the_genre_list_is_tmdbs(client: Client) -> None:
    genres = client.json("/3/genre/movie/list")["genres"]
    assert len(genres) == 19
    assert {"id": 10770, "name": "TV Movie"} in genres


def discovered(client: Client, **params: Any) -> list[int]:
    return [movie["id"] for movie in client.json("/3/discover/movie", **params)["results"]]


def test_discover_pages_by_twenty_most_popular_first(many: Client) -> None:
    first = many.json("/3/discover/movie")
    assert (first["page"], first["total_pages"], first["total_results"]) == (1, 13, 250)
    assert [movie["id"] for movie in first["results"]] == list(range(250, 230, -1))
    assert first["results"][0]["genre_ids"] == [35]
    last = many.json("/3/discover/movie", page=13)
    assert [movie["id"] for movie in last["results"]] == list(range(10, 0, -1))
    beyond = many.json("/3/discover/movie", page=14)
    assert beyond["results"] == []


def test_discover_filters_and_sorts(client: Client, many: Client) -> None:
    assert discovered(many, with_genres="18", page=1)[:2] == [249, 247]
    assert discovered(many, with_genres="18,35") == []
    assert len(discovered(many, with_genres="18|35")) == 20
    assert discovered(many, without_genres="18")[:2] == [250, 248]
    assert discovered(many, sort_by="vote_count.asc")[:2] == [1, 2]
    assert discovered(many, **{"vote_count.gte": 249}) == [250, 249]
    assert discovered(many, **{"vote_count.lte": 2, "primary_release_date.gte": "1995-01-01"}) == [1]
    assert discovered(many, **{"release_date.lte": "1995-01-01", "vote_count.lte": 2}) == [2]
    assert discovered(many, primary_release_year="2000")[0] == 249
    assert discovered(many, sort_by="release_date.asc")[0] == 2
    # movies without a release date are outside every range of dates
    assert 7 in discovered(client)
    assert 7 not in discovered(client, **{"primary_release_date.gte": "1874-01-01"})
    assert discovered(client, with_genres="80,35") == [5]
    assert discovered(client, with_original_language="de") == [5]


def test_find_goes_by_imdb_id(client: Client) -> None:
    found = client.json("/3/find/tt0000105", external_source="imdb_id")
    assert [movie["id"] for movie in found["movie_results"]] == [5]
    assert found["movie_results"][0]["media_type"] == "movie"
    assert found["tv_results"] == []
    assert client.json("/3/find/tt7777777", external_source="imdb_id")["movie_results"] == []
    assert client.json("/3/find/1", external_source="tvdb_id")["movie_results"] == []


def test_changes_of_a_day_come_by_the_hundred(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "tmdb/movies.jsonl.gz", [{**MOVIES[0], "id": i, "imdb_id": None} for i in range(9_000)]
    )
    catalogue = DirectoryCatalogue(tmp_path, today=DAY)
    with serve(catalogue) as mirror:
        client = Client(mirror)
        with client.session:
            assert client.json("/3/movie/changes")["results"] == []
            mirror.advance(3)
            expected = catalogue.changed(DAY, DAY + timedelta(days=3))
            window = {"start_date": str(DAY), "end_date": str(DAY + timedelta(days=3))}
            first = client.json("/3/movie/changes", **window)
            assert first["total_pages"] == 2
            assert first["total_results"] == len(expected) > 100
            second = client.json("/3/movie/changes", **window, page=2)
            assert [row["id"] for row in first["results"] + second["results"]] == expected
            assert first["results"][0]["adult"] is False
            last_day = client.json("/3/movie/changes", start_date=str(catalogue.today()))
            assert [row["id"] for row in last_day["results"]] == catalogue.changed(
                catalogue.today(), catalogue.today()
            )


def export(client: Client, day: Any) -> requests.Response:
    return client.get(f"/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz")


def test_the_export_lists_every_id_of_the_day(client: Client) -> None:
    answer = export(client, DAY)
    assert answer.headers["content-type"] == "application/gzip"
    rows = [json.loads(line) for line in gzip.decompress(answer.content).splitlines()]
    assert [row["id"] for row in rows] == list(client.mirror.app.catalogue.ids())
    assert rows[0] == {
        "adult": False,
        "id": 5,
        "original_title": "Der Blechhafen",
        "popularity": 22.5,
        "video": False,
    }
    assert export(client, DAY).content == answer.content


def test_exports_are_kept_three_months(client: Client) -> None:
    statuses = {days: export(client, DAY - timedelta(days=days)).status_code for days in (-1, 0, 89, 90)}
    assert statuses == {-1: 404, 0: 200, 89: 200, 90: 404}
    assert client.get("/p/exports/movie_ids_13_45_2026.json.gz").status_code == 404
    assert client.get("/p/exports/tv_series_ids_03_10_2026.json.gz").status_code == 404


def test_a_deleted_movie_answers_404_and_leaves_the_export(many: Client) -> None:
    before = many.json("/3/discover/movie")["total_results"]
    many.mirror.advance(1)
    catalogue = many.mirror.app.catalogue
    (gone,) = set(range(1, 251)) - set(catalogue.ids())
    assert error(many.get(f"/3/movie/{gone}")) == (404, 34)
    assert error(many.get(f"/3/movie/tt{gone:07}")) == (404, 34)
    assert many.json("/3/discover/movie")["total_results"] == before - 1
    lines = gzip.decompress(export(many, catalogue.today()).content).splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(catalogue.ids())


def test_a_poster_narrow_enough_is_sent_as_stored(client: Client) -> None:
    stored = client.mirror.app.catalogue.poster("/tt0000105.jpg")
    for size in ("w185", "w500", "original"):
        answer = client.get(f"/t/p/{size}/tt0000105.jpg")
        assert answer.content == stored
        assert answer.headers["content-type"] == "image/jpeg"


def test_a_wider_poster_is_scaled_to_the_size_asked_for(
    client: Client, mirror: Mirror, tmp_path: Path
) -> None:
    (tmp_path / "records/posters/w185/tt0000105.jpg").write_bytes(jpeg(600, 900))
    with Image.open(io.BytesIO(client.get("/t/p/w154/tt0000105.jpg").content)) as image:
        assert (image.size, image.format) == ((154, 231), "JPEG")


@pytest.mark.parametrize(
    "path", ["/t/p/w185/nothing.jpg", "/t/p/w7/tt0000105.jpg", "/t/p/w185/elsewhere.jpg"]
)
def test_what_is_no_poster_answers_404(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_broken_poster_is_passed_on_as_it_is(client: Client, tmp_path: Path) -> None:
    (tmp_path / "records/posters/w185/tt0000105.jpg").write_bytes(b"<html>not a picture</html>")
    assert client.get("/t/p/w92/tt0000105.jpg").content == b"<html>not a picture</html>"


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Iterator[Client]:
    with serve(DirectoryCatalogue(shared_data)) as mirror:
        client = Client(mirror)
        with client.session:
            yield client


def recorded(shared_data: Path, path: str, status: int = 200) -> dict[str, Any]:
    with gzip.open(shared_data / "tmdb/recorded.jsonl.gz", "rt", encoding="utf-8") as lines:
        answers = (json.loads(line) for line in lines)
        found = next(a for a in answers if a["path"] == path and a["status"] == status and a["body"] != "")
    return dict(found)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "asked", "params", "inside"),
    [
        ("/3/movie/tt1345836", "/3/movie/155", {}, ()),
        ("/3/movie/tt1345836", "/3/movie/155", {}, ("production_companies", 0)),
        ("/3/movie/tt1345836", "/3/movie/155", {}, ("spoken_languages", 0)),
        (
            "/3/movie/tt1345836",
            "/3/movie/155",
            {"append_to_response": "keywords"},
            ("keywords", "keywords", 0),
        ),
        ("/3/movie/47964/keywords", "/3/movie/155/keywords", {}, ()),
        (
            "/3/movie/47964/release_dates",
            "/3/movie/155/release_dates",
            {},
            ("results", 0, "release_dates", 0),
        ),
        ("/3/movie/335984/external_ids", "/3/movie/155/external_ids", {}, ()),
        ("/3/discover/movie", "/3/discover/movie", {}, ("results", 0)),
        ("/3/discover/movie", "/3/discover/movie", {}, ()),
        ("/3/movie/changes", "/3/movie/changes", {}, ()),
        ("/3/movie/changes", "/3/movie/changes", {}, ("results", 0)),
        ("/3/find/tt0088247", "/3/find/tt0468569", {"external_source": "imdb_id"}, ()),
        ("/3/find/tt0088247", "/3/find/tt0468569", {"external_source": "imdb_id"}, ("movie_results", 0)),
        ("/3/configuration", "/3/configuration", {}, ()),
        ("/3/configuration", "/3/configuration", {}, ("images",)),
    ],
)
def test_answers_have_the_fields_of_recorded_ones(
    real: Client, shared_data: Path, path: str, asked: str, params: dict[str, str], inside: tuple[Any, ...]
) -> None:
    if "changes" in path:
        real.mirror.advance(1)
    theirs, ours = recorded(shared_data, path)["body"], real.json(asked, **params)
    for key in inside:
        theirs, ours = theirs[key], ours[key]
    appended = {"credits", "images", "keywords"}  # what the recorded details were asked for besides
    assert set(theirs) - appended == set(ours) - appended


@pytest.mark.real_data
def test_a_missing_movie_answers_as_recorded(real: Client, shared_data: Path) -> None:
    answer = real.get("/3/movie/999999999")
    theirs = recorded(shared_data, "/3/movie/999999999", 404)
    assert (answer.status_code, answer.json()) == (404, theirs["body"])


@pytest.mark.real_data
def test_real_files_arrive_byte_for_byte(real: Client, shared_data: Path) -> None:
    env = real.mirror.env()
    assert env["REELHOUSE_MOVIELENS_SETS"] == "ml-20m-partial,ml-latest-small"
    assert env["REELHOUSE_IMDB_DATASETS"] == "title.basics,title.crew,title.ratings"
    for path in ("imdb/title.basics.tsv.gz", "movielens/ml-latest-small.zip"):
        assert real.get("/" + path).content == (shared_data / path).read_bytes()
    poster = (shared_data / "posters/w185/tt0113101.jpg").read_bytes()
    assert real.get("/t/p/w185" + real.json("/3/movie/5")["poster_path"]).content == poster
