"""The columns of IMDb's files, as documented at developer.imdb.com/non-commercial-datasets.

Tab-separated, UTF-8, a header line, `\\N` for null, arrays joined by commas, no quoting: quotes are data.
"""

from connectors.delimited import Column, Layout


def _layout(*columns: Column) -> Layout:
    return Layout(columns, delimiter=b"\t", quoted=False, null="\\N")


LAYOUTS: dict[str, Layout] = {
    "title.basics": _layout(
        Column("tconst", "tconst", required=True),
        Column("title_type", "titleType"),
        Column("primary_title", "primaryTitle"),
        Column("original_title", "originalTitle"),
        Column("is_adult", "isAdult", "flag"),
        Column("start_year", "startYear", "int32"),
        Column("end_year", "endYear", "int32"),
        Column("runtime_minutes", "runtimeMinutes", "int32"),
        Column("genres", "genres"),
    ),
    "title.ratings": _layout(
        Column("tconst", "tconst", required=True),
        Column("average_rating", "averageRating", "double"),
        Column("num_votes", "numVotes", "int64"),
    ),
    "title.crew": _layout(
        Column("tconst", "tconst", required=True),
        Column("directors", "directors"),
        Column("writers", "writers"),
    ),
    "title.principals": _layout(
        Column("tconst", "tconst", required=True),
        Column("ordering", "ordering", "int32"),
        Column("nconst", "nconst", required=True),
        Column("category", "category"),
        Column("job", "job"),
        Column("characters", "characters"),
    ),
    "title.akas": _layout(
        Column("tconst", "titleId", required=True),
        Column("ordering", "ordering", "int32"),
        Column("title", "title"),
        Column("region", "region"),
        Column("language", "language"),
        Column("types", "types"),
        Column("attributes", "attributes"),
        Column("is_original_title", "isOriginalTitle", "flag"),
    ),
    "title.episode": _layout(
        Column("tconst", "tconst", required=True),
        Column("parent_tconst", "parentTconst"),
        Column("season_number", "seasonNumber", "int32"),
        Column("episode_number", "episodeNumber", "int32"),
    ),
    "name.basics": _layout(
        Column("nconst", "nconst", required=True),
        Column("primary_name", "primaryName"),
        Column("birth_year", "birthYear", "int32"),
        Column("death_year", "deathYear", "int32"),
        Column("primary_profession", "primaryProfession"),
        Column("known_for_titles", "knownForTitles"),
    ),
}
