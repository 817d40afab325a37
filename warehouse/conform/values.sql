-- One row per movie and source, in the columns of core.movies; unknown values are NULL.
CREATE OR REPLACE TEMP TABLE from_tmdb AS
SELECT movie_id, tmdb_id, plain(text(d.title)) AS title, plain(text(d.original_title)) AS original_title,
       released AS release_date,
       CASE WHEN year(released) BETWEEN $year_min AND $year_max THEN year(released) END AS year,
       nullif(text(d.original_language), '') AS original_language, plain(text(d.overview)) AS overview, plain(text(d.tagline)) AS tagline,
       positive(number(d.runtime), 1000000) AS runtime_minutes, positive(number(d.budget), 1e15) AS budget_usd,
       positive(number(d.revenue), 1e15) AS revenue_usd,
       CASE WHEN number(d.popularity) > 0 AND number(d.popularity) <= 999999999 THEN number(d.popularity) END AS popularity,
       CASE WHEN number(d.vote_count) > 0 AND number(d.vote_average) BETWEEN 0 AND 10
            THEN number(d.vote_average) END AS tmdb_vote_average,
       CASE WHEN number(d.vote_count) BETWEEN 0 AND 1e15
            THEN try_cast(number(d.vote_count) AS BIGINT) END AS tmdb_vote_count,
       flag(d.adult) AS adult, nullif(text(d.status), '') AS status, whole(d.belongs_to_collection.id) AS collection_id,
       plain(text(d.belongs_to_collection.name)) AS collection, nullif(text(d.poster_path), '') AS poster_path,
       certification
FROM (SELECT *, release_day(text(d.release_date)) AS released FROM used_tmdb)
LEFT JOIN (
    -- The first one that is given, theatrical releases (type 3) before others.
    SELECT movie_id AS certified, arg_min(certification, CASE type WHEN 3 THEN 0 ELSE type END * 1000 + nth)
               FILTER (WHERE certification IS NOT NULL) AS certification
    FROM (
        SELECT movie_id, stripped(text(c.certification)) AS certification, small(c.type) AS type, nth
        FROM (
            SELECT movie_id, unnest(r.release_dates) AS c, generate_subscripts(r.release_dates, 1) AS nth
            FROM (SELECT movie_id, unnest(d.release_dates.results) AS r FROM used_tmdb)
            WHERE text(r.iso_3166_1) = 'US'
        )
    ) GROUP BY movie_id
) ON certified = movie_id;

CREATE OR REPLACE TEMP TABLE from_movielens AS
SELECT u.movie_id, u.movielens_id, movielens_title(u.title) AS title,
       CASE WHEN movielens_year(u.title) BETWEEN $year_min AND $year_max THEN movielens_year(u.title) END AS year,
       own.tmdb_id, linked.tmdb_id AS linked_tmdb_id
FROM used_movielens AS u
LEFT JOIN (FROM owners WHERE claimed_by = 'movielens') AS own USING (movie_id)
LEFT JOIN (
    SELECT u.movie_id, arg_min(l.tmdb_id, u.nth) AS tmdb_id
    FROM used_movielens AS u JOIN links AS l USING (movielens_id)
    WHERE l.tmdb_id > 0 AND (l.alive OR NOT u.alive)
    GROUP BY u.movie_id
) AS linked USING (movie_id)
WHERE u.nth = 1;

CREATE OR REPLACE TEMP TABLE from_person AS
SELECT movie_id, tmdb_id FROM owners WHERE claimed_by = 'person';

CREATE OR REPLACE TEMP TABLE from_imdb AS
SELECT a.movie_id, stripped(i.primary_title) AS title, stripped(i.original_title) AS original_title,
       CASE WHEN i.start_year BETWEEN $year_min AND $year_max THEN i.start_year END AS year,
       positive(i.runtime_minutes, 1000000) AS runtime_minutes, i.is_adult AS adult,
       CASE WHEN r.average_rating BETWEEN 0 AND 10 THEN r.average_rating END AS imdb_rating,
       CASE WHEN r.num_votes >= 0 THEN r.num_votes END AS imdb_votes
FROM assigned AS a
LEFT JOIN used_imdb AS i ON i.movie_id = a.movie_id
LEFT JOIN imdb_ratings AS r ON r.tconst = a.key
WHERE i.movie_id IS NOT NULL OR r.tconst IS NOT NULL;
