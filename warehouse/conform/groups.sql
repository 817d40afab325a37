-- Which ids are one movie. Each group of ids has a key: the IMDb id, else "tmdb:5", else "movielens:7".

-- MovieLens' links as they count: those of an id that a person decided about say what was decided.
-- `joined` is the id that a MovieLens movie was decided to share its movie with; its own id: it stands alone.
CREATE OR REPLACE TEMP TABLE links AS
SELECT coalesce(l.movielens_id, d.movielens_id) AS movielens_id, coalesce(l.alive, true) AS alive,
       CASE WHEN d.ended IS NULL THEN coalesce(other.ended, l.imdb_id)
            WHEN starts_with(d.ended, 'tt') THEN d.ended END AS imdb_id,
       CASE WHEN d.ended IS NULL OR starts_with(d.ended, 'tt') THEN l.tmdb_id END AS tmdb_id,
       CASE WHEN NOT starts_with(d.ended, 'tt') THEN d.ended END AS joined
FROM movielens_links_last AS l
FULL JOIN (
    SELECT movielens_id, ended
    FROM affected_movielens JOIN decided_ends ON node = 'movielens:' || movielens_id
) AS d ON d.movielens_id = l.movielens_id
LEFT JOIN decided_ends AS other ON other.node = l.imdb_id;

-- Which MovieLens movies link to a TMDb record: links that still stand, or else those that once stood.
CREATE OR REPLACE TEMP TABLE claims AS
SELECT tmdb_id, count(DISTINCT coalesce(imdb_id, 'movielens:' || movielens_id)) AS claimants, min(imdb_id) AS imdb_id,
       min(movielens_id) AS movielens_id
FROM (
    SELECT * FROM links WHERE tmdb_id IS NOT NULL
    QUALIFY alive = bool_or(alive) OVER (PARTITION BY tmdb_id)
)
GROUP BY tmdb_id;

-- `own` is the key that the sources give a TMDb id; `key` follows the decision about it, if there is one. That of an id
-- which was decided to be a MovieLens movie is that movie's, and comes last.
CREATE OR REPLACE TEMP TABLE tmdb_own AS
SELECT a.tmdb_id, c.claimants, t.tmdb_id IS NOT NULL AS has_record, d.ended,
       CASE WHEN d.ended = 'tmdb:' || a.tmdb_id THEN d.ended ELSE
           coalesce(other.ended, t.imdb_id, CASE WHEN c.claimants = 1 THEN c.imdb_id END, 'tmdb:' || a.tmdb_id)
       END AS own
FROM affected_tmdb AS a
LEFT JOIN tmdb_records AS t USING (tmdb_id)
LEFT JOIN claims AS c USING (tmdb_id)
LEFT JOIN decided_ends AS d ON d.node = 'tmdb:' || a.tmdb_id
LEFT JOIN decided_ends AS other ON other.node = t.imdb_id;

CREATE OR REPLACE TEMP TABLE tmdb_named AS
SELECT t.*, CASE
       WHEN t.ended IS NULL THEN t.own
       WHEN starts_with(t.ended, 'tt') THEN t.ended
       WHEN starts_with(t.ended, 'tmdb:') THEN coalesce(o.own, t.ended)
   END AS key
FROM tmdb_own AS t LEFT JOIN tmdb_own AS o ON t.ended = 'tmdb:' || o.tmdb_id;

CREATE OR REPLACE TEMP TABLE movielens_own AS
SELECT a.movielens_id, l.joined, l.tmdb_id, t.key AS tmdb_key,
       coalesce(l.imdb_id, CASE WHEN t.claimants = 1 AND t.has_record THEN t.key END, 'movielens:' || a.movielens_id)
           AS own
FROM affected_movielens AS a
LEFT JOIN links AS l USING (movielens_id)
LEFT JOIN tmdb_named AS t ON t.tmdb_id = l.tmdb_id AND t.has_record;

CREATE OR REPLACE TEMP TABLE movielens_keys AS
SELECT m.movielens_id, m.tmdb_id, m.tmdb_key, m.joined,
       CASE WHEN m.joined IS NULL THEN m.own ELSE coalesce(t.own, o.own, m.joined) END AS key
FROM movielens_own AS m
LEFT JOIN tmdb_own AS t ON m.joined = 'tmdb:' || t.tmdb_id
LEFT JOIN movielens_own AS o ON m.joined = 'movielens:' || o.movielens_id;

CREATE OR REPLACE TEMP TABLE tmdb_keys AS
SELECT t.tmdb_id, t.has_record, t.ended, coalesce(t.key, m.own, t.ended) AS key
FROM tmdb_named AS t LEFT JOIN movielens_own AS m ON t.ended = 'movielens:' || m.movielens_id;

CREATE OR REPLACE TEMP TABLE members AS
SELECT 'tmdb' AS source, CAST(t.tmdb_id AS VARCHAR) AS source_id, t.tmdb_id AS number, k.key, t.alive,
       true AS makes_movie, t.gone_at, CAST(NULL AS VARCHAR) AS note
FROM tmdb_records AS t JOIN tmdb_keys AS k USING (tmdb_id)
UNION ALL
SELECT 'movielens', CAST(m.movielens_id AS VARCHAR), m.movielens_id, k.key,
       m.alive, true, CASE WHEN NOT m.alive THEN m.fetched_at END,
       CASE WHEN k.tmdb_key <> k.key
            THEN 'MovieLens links it to TMDb ' || k.tmdb_id || ', which is ' || k.tmdb_key END
FROM movielens_last AS m JOIN movielens_keys AS k USING (movielens_id)
UNION ALL
SELECT 'imdb', i.tconst, TRY_CAST(substr(i.tconst, 3) AS BIGINT), coalesce(d.ended, i.tconst), i.alive, i.is_film,
       CASE WHEN NOT i.alive THEN i.fetched_at END, NULL
FROM imdb_titles AS i LEFT JOIN decided_ends AS d ON d.node = i.tconst;

CREATE OR REPLACE TEMP TABLE groups AS
SELECT key, bool_or(alive AND makes_movie) AS alive,
       CASE WHEN NOT bool_or(alive AND makes_movie) THEN max(gone_at) END AS deleted_at
FROM members
GROUP BY key
HAVING bool_or(makes_movie);

-- Ids that a movie has or had. Where several groups had one movie, the IMDb id decides, then TMDb's, then MovieLens';
-- a group's own name comes first. A movie that was merged into another gets its number back when they part again.
CREATE OR REPLACE TEMP TABLE candidates AS
SELECT named.key, i.movie_id, named.rank + CASE WHEN i.state = 'merged' THEN 10 ELSE 0 END AS rank, named.number
FROM (
    SELECT key, source, source_id, number, CASE source WHEN 'imdb' THEN 1 WHEN 'tmdb' THEN 2 ELSE 3 END AS rank
    FROM members SEMI JOIN groups USING (key) WHERE source_id <> key
    UNION
    SELECT key, 'imdb', key, TRY_CAST(substr(key, 3) AS BIGINT), 0 FROM groups WHERE starts_with(key, 'tt')
) AS named
JOIN core.id_map AS i USING (source, source_id)
WHERE i.state <> 'merged' OR i.movie_id NOT IN (SELECT movie_id FROM core.movies);

CREATE OR REPLACE TEMP TABLE assigned AS
WITH won AS (
    SELECT * FROM candidates QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY rank, number, key) = 1
),
chosen AS (
    SELECT * FROM won QUALIFY row_number() OVER (PARTITION BY key ORDER BY rank, number, movie_id) = 1
)
SELECT g.key, c.movie_id, 0 AS attempt FROM groups AS g LEFT JOIN chosen AS c USING (key);

UPDATE assigned SET movie_id = hashed_id(key), attempt = 1 WHERE movie_id IS NULL;
