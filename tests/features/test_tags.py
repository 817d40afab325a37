"""The tags view: what a tag is reduced to, which tags are leaks, and how they are weighed."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.leaks import genre_named, is_bookkeeping
from features.tags import Tags, normalise

TAGS = pa.list_(pa.struct([("tag", pa.string()), ("n", pa.int64())]))


def movies(*rows: tuple[int, list[tuple[str, int]], list[str]]) -> pa.Table:
    return pa.table(
        {
            "movie_id": pa.array([r[0] for r in rows], pa.int64()),
            "tags": pa.array([[{"tag": t, "n": n} for t, n in r[1]] for r in rows], TAGS),
            "keywords": pa.array([r[2] for r in rows], pa.list_(pa.string())),
        }
    )


def bag(view: Tags, tags: list[tuple[str, int]], keywords: list[str] = []) -> dict[str, float]:  # noqa: B006
    row = view.compute(movies((1, tags, keywords))).to_pylist()[0]
    return dict(zip(row["tags"], row["weights"], strict=True))


@pytest.mark.parametrize(
    ("tag", "normal"),
    [
        ("Atmospheric", "atmospheric"),
        ("post-apocalyptic", "post apocalyptic"),
        ("  Will   Ferrell ", "will ferrell"),
        ("new year's eve", "new years eve"),
        ("Zombies", "zombie"),
        ("witches", "witch"),
        ("parties", "party"),
        ("werewolves", "werewolf"),
        ("superheroes", "superhero"),
        ("shoes", "shoe"),
        ("boss", "boss"),
        ("Paris", "paris"),
        ("politics", "politics"),
        ("Christmas", "christmas"),
        ("los angeles", "los angeles"),
        ("Amélie", "amelie"),
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("???", ""),
    ],
)
def test_spellings_of_a_tag_meet(tag: str, normal: str) -> None:
    assert normalise(tag) == normal


@given(st.text(max_size=40))
def test_normalising_keeps_words_apart_by_one_space(tag: str) -> None:
    normal = normalise(tag)
    assert normal == " ".join(normal.split())
    assert normalise(tag.upper()) == normalise(tag.upper().lower())


@pytest.mark.parametrize(
    "tag",
    [
        *("sci-fi", "scifi", "Sci Fi", "science fiction", "classic sci-fi", "sci-fi comedy"),
        *("dark comedy", "romantic comedy", "rom-com", "romcom", "comedies", "stand-up comedian"),
        *(
            "film noir",
            "neo-noir",
            "Film-Noir",
            "spaghetti western",
            "westerns",
            "musical",
            "music",
            "musicians",
        ),
        *(
            "children",
            "Children's",
            "based on children's book",
            "kids",
            "family",
            "war",
            "World War II",
            "anti-war",
        ),
        *(
            "horror movie",
            "thrillers",
            "mysteries",
            "romance",
            "adventures",
            "action-packed",
            "anime",
            "cartoons",
        ),
        *("documentary", "mockumentary", "period drama", "melodrama", "biopic", "autobiographical", "sports"),
        *("historical figure", "fantasy world", "reality TV", "made for TV", "short film", "organized crime"),
        *("06 Oscar Nominated Best Movie - Animation", "IMAX"),
    ],
)
def test_a_tag_that_names_a_genre_is_a_leak(tag: str) -> None:
    assert genre_named(normalise(tag)) is not None
    assert bag(Tags(), [(tag, 5)]) == {}
    assert bag(Tags(leaks=True), [(tag, 5)]) != {}


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "superhero",
            "based on comic book",
            "stewardess",
            "prehistoric times",
            "virtual reality",
            "warehouse",
        ),
        *(
            "short-term memory",
            "based on short story",
            "young adult",
            "scientist",
            "newspaper",
            "transporter",
        ),
        *("documents", "cowardliness", "childhood memory", "fascism", "love story", "murder"),
    ],
)
def test_a_tag_that_only_resembles_a_genre_stays(tag: str) -> None:
    assert genre_named(normalise(tag)) is None
    assert list(bag(Tags(), [(tag, 1)])) == [normalise(tag)]


@pytest.mark.parametrize(
    "tag", ["In Netflix queue", "seen at cinema", "DVD-Video", "Tumey's DVDs", "owned", "to see"]
)
def test_bookkeeping_of_one_user_is_dropped(tag: str) -> None:
    assert is_bookkeeping(normalise(tag))
    assert bag(Tags(), [(tag, 1)]) == {}


def test_users_of_every_spelling_and_the_keyword_are_added_up() -> None:
    assert bag(Tags(), [("Zombies", 2), ("zombie", 1)], ["zombie", "island"]) == {
        "island": pytest.approx(1.0),
        "zombie": pytest.approx(1 + math.log(4)),
    }


def test_min_users_drops_rare_applications() -> None:
    assert list(bag(Tags(min_users=2), [("island", 1), ("boat", 2)], ["island", "sea"])) == ["boat", "island"]


def test_a_movie_with_nothing_but_leaks_is_present_as_absent() -> None:
    table = Tags().compute(
        movies((1, [("comedy", 3)], ["war"]), (2, [], ["boat"]), (3, [("In Netflix queue", 1)], []))
    )
    assert table["present"].to_pylist() == [False, True, False]
    assert table["tags"].to_pylist() == [[], ["boat"], []]


def test_no_movies_give_no_rows_of_the_right_types() -> None:
    table = Tags().compute(movies())
    assert table.num_rows == 0
    assert table.schema.field("weights").type == pa.list_(pa.float32())


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    rows = [(i, [(f"tag {i % 5}", i + 1), ("Boats", 2)], ["sea", f"key {i}"]) for i in range(20)]
    together = Tags().compute(movies(*rows)).to_pylist()
    alone = [Tags().compute(movies(row)).to_pylist()[0] for row in rows]
    assert together == alone


def test_the_version_follows_the_leak_list_and_the_parameters() -> None:
    assert Tags().version == Tags().version
    assert len({Tags().version, Tags(leaks=True).version, Tags(min_users=2).version}) == 3


def test_document_a_counts_a_tag_that_was_applied_twice() -> None:
    given = pa.table(
        {
            "movie_id": [1],
            "tags": [[{"tag": "Heist", "n": 1}, {"tag": "heists", "n": 1}, {"tag": "robot", "n": 1}]],
            "keywords": pa.array([["robot", "island"]]),
        }
    )
    view = Tags.document_a()
    assert view.compute(given)["tags"].to_pylist() == [["heist", "robot"]]
    assert view.version != Tags().version
