"""The columns of IMDb's files, as documented at developer.imdb.com/non-commercial-datasets.

Tab-separated, UTF-8, a header line, `\\N` for null, arrays joined by commas, no quoting: quotes are data.
"""

from connectors.delimited import Field, FileLayout


def _layout(*columns: Field) -> FileLayout:
    return FileLayout(columns, delimiter=b"\t", quoted=False, null="\\N")


LAYOUTS: dict[str, FileLayout] = {
    "title.basics": _layout(
        Field("tconst", "tconst", required=True),
        Field("title_type", "titleType"),
        Field("primary_title", "primaryTitle"),
        Field("original_title", "originalTitle"),
        Field("is_adult", "isAdult", "flag"),
        Field("start_year", "startYear", "int32"),
        Field("end_year", "endYear", "int32"),
        Field("runtime_minutes", "runtimeMinutes", "int32"),
        Field("genres", "genres"),
    ),
    "title.ratings": _layout(
        Field("tconst", "tconst", required=True),
        Field("average_rating", "averageRating", "double"),
        Field("num_votes", "numVotes", "int64"),
    ),
    "title.crew": _layout(
        Field("tconst", "tconst", required=True),
        Field("directors", "directors"),
        Field("writers", "writers"),
    ),
    "title.principals": _layout(
        Field("tconst", "tconst", required=True),
        Field("ordering", "ordering", "int32"),
        Field("nconst", "nconst", required=True),
        Field("category", "category"),
        Field("job", "job"),
        Field("characters", "characters"),
    ),
    "title.akas": _layout(
        Field("tconst", "titleId", required=True),
        Field("ordering", "ordering", "int32"),
        Field("title", "title"),
        Field("region", "region"),
        Field("language", "language"),
        Field("types", "types"),
        Field("attributes", "attributes"),
        Field("is_original_title", "isOriginalTitle", "flag"),
    ),
    "title.episode": _layout(
        Field("tconst", "tconst", required=True),
        Field("parent_tconst", "parentTconst"),
        Field("season_number", "seasonNumber", "int32"),
        Field("episode_number", "episodeNumber", "int32"),
    ),
    "name.basics": _layout(
        Field("nconst", "nconst", required=True),
        Field("primary_name", "primaryName"),
        Field("birth_year", "birthYear", "int32"),
        Field("death_year", "deathYear", "int32"),
        Field("primary_profession", "primaryProfession"),
        Field("known_for_titles", "knownForTitles"),
    ),
}
