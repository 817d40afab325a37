-- Which ids are one movie. Each group of ids has a key: the IMDb id, else "tmdb:5", else "movielens:7".

-- Which MovieLens movies link to a TMDb record: links that still stand, or else those that once stood.
CREATE OR REPLACE TEMP TABLE claims AS
SELECT tmdb_id, count(DISTINCT coalesce(imdb_id, 'movielens:' || movielens_id)) AS claimants, min(imdb_id) AS imdb_id
FROM (
    SELECT * FROM movielens_links_last WHERE tmdb_id IS NOT NULL
    QUALIFY alive = bool_or(alive) OVER (PARTITION BY tmdb_id)
)
GROUP BY tmdb_id;

CREATE OR REPLACE TEMP TABLE members AS
WITH tmdb AS (
    SELECT t.tmdb_id, t.alive, t.gone_at,
           coalesce(t.imdb_id, CASE WHEN c.claimants = 1 THEN c.imdb_id END, 'tmdb:' || t.tmdb_id) AS key,
           c.claimants
    FROM tmdb_records AS t LEFT JOIN claims AS c USING (tmdb_id)
)
SELECT 'tmdb' AS source, CAST(tmdb_id AS VARCHAR) AS source_id, tmdb_id AS number, key, alive,
       true AS makes_movie, gone_at, CAST(NULL AS VARCHAR) AS note
FROM tmdb
UNION ALL
SELECT 'movielens', CAST(m.movielens_id AS VARCHAR), m.movielens_id,
       coalesce(l.imdb_id, CASE WHEN t.claimants = 1 THEN t.key END, 'movielens:' || m.movielens_id) AS own_key,
       m.alive, true, CASE WHEN NOT m.alive THEN m.fetched_at END,
       CASE WHEN t.key <> own_key THEN 'MovieLens links it to TMDb ' || l.tmdb_id || ', which is ' || t.key END
FROM movielens_last AS m
LEFT JOIN movielens_links_last AS l USING (movielens_id)
LEFT JOIN tmdb AS t ON t.tmdb_id = l.tmdb_id
UNION ALL
SELECT 'imdb', tconst, CAST(substr(tconst, 3) AS BIGINT), tconst, alive, is_film,
       CASE WHEN NOT alive THEN fetched_at END, NULL
FROM imdb_titles;

CREATE OR REPLACE TEMP TABLE groups AS
SELECT key, bool_or(alive AND makes_movie) AS alive,
       CASE WHEN NOT bool_or(alive AND makes_movie) THEN max(gone_at) END AS deleted_at
FROM members
GROUP BY key
HAVING bool_or(makes_movie);

-- Ids that a movie has or had. Where several groups had one movie, the IMDb id decides, then TMDb's, then MovieLens'.
CREATE OR REPLACE TEMP TABLE candidates AS
SELECT named.key, i.movie_id, named.rank, named.number
FROM (
    SELECT key, source, source_id, number, CASE source WHEN 'imdb' THEN 1 WHEN 'tmdb' THEN 2 ELSE 3 END AS rank
    FROM members SEMI JOIN groups USING (key)
    UNION
    SELECT key, 'imdb', key, CAST(substr(key, 3) AS BIGINT), 1 FROM groups WHERE starts_with(key, 'tt')
) AS named
JOIN core.id_map AS i USING (source, source_id)
WHERE i.state <> 'merged';

CREATE OR REPLACE TEMP TABLE assigned AS
WITH won AS (
    SELECT * FROM candidates QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY rank, number, key) = 1
),
chosen AS (
    SELECT * FROM won QUALIFY row_number() OVER (PARTITION BY key ORDER BY rank, number, movie_id) = 1
)
SELECT g.key, c.movie_id, 0 AS attempt FROM groups AS g LEFT JOIN chosen AS c USING (key);

UPDATE assigned SET movie_id = hashed_id(key), attempt = 1 WHERE movie_id IS NULL;
