-- What each movie is made of: what the sources still have, or, when none has it any more, what they last had.

CREATE OR REPLACE TEMP TABLE movie_members AS
SELECT a.movie_id, m.source, m.source_id, m.number, m.alive, m.alive OR NOT g.alive AS used, g.alive AS movie_alive,
       m.note, m.key
FROM members AS m
JOIN groups AS g USING (key)
JOIN assigned AS a USING (key);

-- Of several TMDb records with one IMDb id, the movie's is one that somebody decided, then one that names the id
-- itself, then the lowest number. One that was decided to be the same as another record comes last.
CREATE OR REPLACE TEMP TABLE used_tmdb AS
SELECT m.movie_id, t.*
FROM movie_members AS m JOIN tmdb_records AS t ON t.tmdb_id = m.number
LEFT JOIN decided_ends AS d ON d.node = 'tmdb:' || t.tmdb_id
WHERE m.source = 'tmdb' AND m.used
QUALIFY row_number() OVER (PARTITION BY m.movie_id ORDER BY
    CASE WHEN starts_with(d.ended, 'tt') THEN 0
         WHEN d.ended IS NULL OR d.ended = d.node THEN CASE WHEN t.imdb_id IS NULL THEN 2 ELSE 1 END
         ELSE 3 END, t.tmdb_id) = 1;

CREATE OR REPLACE TEMP TABLE used_movielens AS
SELECT m.movie_id, l.*, row_number() OVER (PARTITION BY m.movie_id ORDER BY l.movielens_id) AS nth
FROM movie_members AS m JOIN movielens_last AS l ON l.movielens_id = m.number
WHERE m.source = 'movielens' AND m.used;

CREATE OR REPLACE TEMP TABLE used_imdb AS
SELECT m.movie_id, i.*
FROM movie_members AS m JOIN imdb_titles AS i ON i.tconst = m.source_id
WHERE m.source = 'imdb' AND m.used
-- Several titles are one movie where somebody decided so: the one that names it is used.
QUALIFY row_number() OVER (PARTITION BY m.movie_id ORDER BY i.tconst <> m.key, i.tconst) = 1;

-- Which movie has which TMDb id: the record's, or else one that is only claimed; see owners.sql.
CREATE OR REPLACE TEMP TABLE owners AS
SELECT tmdb_id, movie_id, 'tmdb' AS claimed_by, 'tmdb:' || tmdb_id AS record, alive
FROM used_tmdb;

CREATE OR REPLACE TEMP TABLE open_claims AS
SELECT tmdb_id, movie_id, alive, claimed_by, record, rank, number
FROM (
    SELECT t.tmdb_id, a.movie_id, 'person' AS claimed_by, 'tmdb:' || t.tmdb_id AS record, 0 AS rank, t.tmdb_id AS number
    FROM tmdb_keys AS t JOIN assigned AS a USING (key)
    WHERE t.ended IS NOT NULL
    UNION ALL
    SELECT t.tmdb_id, u.movie_id, 'person', 'movielens:' || u.movielens_id, 1, u.movielens_id
    FROM used_movielens AS u JOIN links AS l USING (movielens_id) JOIN tmdb_keys AS t ON l.joined = 'tmdb:' || t.tmdb_id
    UNION ALL
    SELECT l.tmdb_id, u.movie_id, 'movielens', 'movielens:' || u.movielens_id, 2, u.movielens_id
    FROM used_movielens AS u JOIN links AS l USING (movielens_id)
    WHERE l.tmdb_id > 0 AND (l.alive OR NOT u.alive)
)
JOIN (SELECT a.movie_id, g.alive FROM assigned AS a JOIN groups AS g USING (key)) USING (movie_id)
WHERE tmdb_id NOT IN (SELECT tmdb_id FROM tmdb_records WHERE alive);

