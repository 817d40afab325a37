"""The `metadata` view: numbers, dates, language, countries, companies, people and certification of a movie.

Computed in SQL altogether, because it is a pass over every movie of the warehouse. Genres of any source are
labels and are not read. An unknown number is null and never zero; category columns are raw values, for each
model to learn its vocabulary from its own training fold.
"""

from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from features.view import FeatureView
from warehouse.schema import Column

COLUMNS = (
    Column("year", "INTEGER", "Year of release."),
    Column("decade", "INTEGER", "First year of the decade of release."),
    Column("month", "INTEGER", "Month of release, 1 to 12."),
    Column("weekday", "INTEGER", "Day of the week of release: 1 is Monday, 7 Sunday."),
    Column("runtime_minutes", "INTEGER", "Running time in minutes."),
    Column("log_budget", "DOUBLE", "Natural logarithm of the budget in US dollars."),
    Column("log_revenue", "DOUBLE", "Natural logarithm of the revenue in US dollars."),
    Column("log_return", "DOUBLE", "Natural logarithm of revenue over budget."),
    Column("popularity", "DOUBLE", "TMDb's popularity score."),
    Column("tmdb_vote_average", "DOUBLE", "Mean of TMDb's votes; NULL without votes."),
    Column("tmdb_vote_count", "BIGINT", "Number of TMDb's votes; NULL where TMDb does not know the movie."),
    Column("log_tmdb_votes", "DOUBLE", "Natural logarithm of one plus TMDb's votes."),
    Column("imdb_rating", "DOUBLE", "IMDb's rating."),
    Column("imdb_votes", "BIGINT", "Number of IMDb's votes; NULL where IMDb does not know the movie."),
    Column("log_imdb_votes", "DOUBLE", "Natural logarithm of one plus IMDb's votes."),
    Column("n_directors", "INTEGER", "Number of directors; NULL where none is known."),
    Column("n_writers", "INTEGER", "Number of writers; NULL where none is known."),
    Column("n_actors", "INTEGER", "Number of actors among the first ten billed; NULL where none is known."),
    Column("n_companies", "INTEGER", "Number of production companies; NULL where none is known."),
    Column("n_countries", "INTEGER", "Number of production countries; NULL where none is known."),
    Column("n_languages", "INTEGER", "Number of spoken languages; NULL where none is known."),
    Column("title_length", "INTEGER", "Length of the title in characters."),
    Column("title_words", "INTEGER", "Number of words in the title."),
    Column("title_has_digit", "BOOLEAN", "Whether the title contains a digit."),
    Column("title_translated", "BOOLEAN", "Whether the original title is another one."),
    Column("in_collection", "BOOLEAN", "Whether it belongs to a series of films."),
    Column("adult", "BOOLEAN", "Marked as adult content by a source."),
    Column("season", "VARCHAR", "Northern season of the release month: winter, spring, summer, autumn."),
    Column("language", "VARCHAR", "ISO 639-1 code of the original language."),
    Column("certification", "VARCHAR", "Age certification in the United States."),
    Column("collection", "VARCHAR", "Name of the series of films."),
    Column("countries", "VARCHAR[]", "ISO 3166-1 codes of the production countries, sorted."),
    Column("languages", "VARCHAR[]", "ISO 639-1 codes of the spoken languages, sorted."),
    Column("companies", "VARCHAR[]", "Names of the production companies, sorted."),
    Column("people", "VARCHAR[]", "director:<id>, writer:<id> and the first ten actor:<id>, sorted."),
)

MADE_FROM = {
    **{name: "release_date" for name in ("month", "weekday", "season")},
    "decade": "year",
    "log_budget": "budget_usd",
    "log_revenue": "revenue_usd",
    "log_return": "revenue_usd",
    "log_tmdb_votes": "tmdb_vote_count",
    "log_imdb_votes": "imdb_votes",
    **{name: "title" for name in ("title_length", "title_words", "title_has_digit")},
    "title_translated": "original_title",
    "in_collection": "collection_id",
    "language": "original_language",
}
"""Column → the column of `core.movies` that it is made from, where that has another name. What is not in
`core.movies` at all comes from the tables around it."""


class Metadata(FeatureView):
    """One row for every movie about which anything besides its title is known.

    The columns say what they hold. Lists are sorted and without repeats; an empty one means that nothing is
    known.
    """

    name: ClassVar[str] = "metadata"
    comment: ClassVar[str] = (
        "Numbers, dates, language, countries, companies, people and certification; never a genre."
    )
    columns: ClassVar[tuple[Column, ...]] = COLUMNS
    light: ClassVar[bool] = True
    inputs: ClassVar[str] = (Path(__file__).parent / "metadata.sql").read_text()

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return the inputs as they are: their SQL is the computation."""
        return inputs
