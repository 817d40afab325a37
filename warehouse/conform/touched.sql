-- What arrived since the last conform: `touched` holds the ids ("tt0113101", "tmdb:5", "movielens:7") it is about.
-- DuckLake's snapshot_id of a row is the commit that wrote it, so that no clock is needed and no batch is missed.

-- IMDb's own ids of the TMDb records that arrived.
CREATE OR REPLACE TEMP TABLE arrived_records AS
SELECT tmdb_id, imdb_id FROM (
    SELECT tmdb_id,
           coalesce(imdb_id(text(ids.imdb_id)), imdb_id(text(ids.external_ids.imdb_id))) AS imdb_id
    FROM (
        SELECT tmdb_id,
               from_json(readable(payload), '{"imdb_id": "JSON", "external_ids": {"imdb_id": "JSON"}}') AS ids
        FROM raw.tmdb_movies WHERE snapshot_id > $since AND status = 200
    )
);

CREATE OR REPLACE TEMP TABLE arrived_titles AS
SELECT tconst, bool_or(is_film) AS is_film FROM (
    SELECT tconst, title_type IN ('movie', 'tvMovie') AS is_film FROM raw.imdb_title_basics WHERE snapshot_id > $since
    UNION ALL SELECT tconst, false FROM raw.imdb_title_ratings WHERE snapshot_id > $since
    UNION ALL SELECT tconst, false FROM raw.imdb_title_crew WHERE snapshot_id > $since
)
GROUP BY tconst;

-- IMDb lists eleven million titles, mostly episodes: only films are movies of their own, and whatever else
-- TMDb or MovieLens names. What was known before is in the id map.
CREATE OR REPLACE TEMP TABLE known_titles AS
SELECT tconst FROM arrived_titles WHERE is_film
UNION SELECT tconst FROM arrived_titles SEMI JOIN core.id_map AS i ON i.source = 'imdb' AND i.source_id = tconst
UNION SELECT linked_imdb_id(imdb_id) FROM raw.movielens_links
UNION SELECT imdb_id FROM arrived_records;

CREATE OR REPLACE TEMP TABLE touched AS
SELECT 'tmdb:' || tmdb_id AS node FROM raw.tmdb_movies WHERE snapshot_id > $since
UNION SELECT 'movielens:' || movielens_id FROM raw.movielens_movies WHERE snapshot_id > $since
UNION SELECT 'movielens:' || movielens_id FROM raw.movielens_links WHERE snapshot_id > $since
UNION SELECT 'movielens:' || movielens_id FROM raw.movielens_tags WHERE snapshot_id > $since
UNION SELECT 'movielens:' || movielens_id FROM raw.movielens_ratings WHERE snapshot_id > $since
UNION SELECT tconst FROM arrived_titles SEMI JOIN known_titles USING (tconst);

-- Ratings are replaced as a whole: no new row names a movie that lost its own, so every rated movie is looked at.
INSERT INTO touched
SELECT DISTINCT 'movielens:' || i.source_id
FROM core.ratings AS r JOIN core.id_map AS i USING (movie_id)
WHERE i.source = 'movielens'
  AND EXISTS (SELECT 1 FROM raw.movielens_ratings WHERE snapshot_id > $since);

-- Movies that the daily export lacks or has again. One that was fetched since that day is alive, whatever it says.
-- Nearly all are alive and listed: only the others are looked up further.
CREATE OR REPLACE TEMP TABLE doubted AS
SELECT movie_id, source_id, state FROM core.id_map
WHERE source = 'tmdb' AND state <> 'merged' AND EXISTS (SELECT 1 FROM raw.tmdb_ids)
  AND (state = 'deleted' OR TRY_CAST(source_id AS BIGINT) NOT IN (SELECT tmdb_id FROM raw.tmdb_ids));

INSERT INTO touched
SELECT 'tmdb:' || i.source_id
FROM doubted AS i
JOIN ops.source_state AS s ON s.source = 'tmdb' AND s.source_id = i.source_id
JOIN core.movies AS m ON m.movie_id = i.movie_id
CROSS JOIN (SELECT max(export_date) AS day FROM raw.tmdb_ids) AS export
LEFT JOIN raw.tmdb_ids AS e ON e.tmdb_id = TRY_CAST(i.source_id AS BIGINT)
WHERE s.status = 200 AND NOT coalesce(m.adult, false)
  AND (e.tmdb_id IS NULL AND s.source_checked_at < export.day) <> (i.state = 'deleted');

-- Posters that came or went: what is stored of the movies' own paths against core.posters.
CREATE OR REPLACE TEMP TABLE arrived_posters AS
SELECT DISTINCT tmdb_id FROM ops.poster_files WHERE snapshot_id > $since;

INSERT INTO touched
WITH stored AS (
    SELECT m.movie_id, m.tmdb_id, f.poster_path, f.sha256
    FROM core.movies AS m SEMI JOIN arrived_posters USING (tmdb_id)
    JOIN ops.poster_files AS f ON f.tmdb_id = m.tmdb_id AND f.poster_path = m.poster_path
    WHERE f.state = 'stored'
)
SELECT DISTINCT 'tmdb:' || coalesce(s.tmdb_id, p.tmdb_id)
FROM stored AS s
FULL JOIN (FROM core.posters SEMI JOIN arrived_posters USING (tmdb_id)) AS p ON p.movie_id = s.movie_id
WHERE s.sha256 IS DISTINCT FROM p.sha256 OR s.poster_path IS DISTINCT FROM p.poster_path;

-- Ids that somebody decided about.
INSERT INTO touched
SELECT node(source, source_id) FROM core.id_decisions WHERE snapshot_id > $since
UNION SELECT target FROM core.id_decisions WHERE snapshot_id > $since AND target IS NOT NULL;
