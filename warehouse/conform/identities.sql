-- The id map of the affected movies, as it is and as it was; only rows that differ are written.
CREATE OR REPLACE TEMP TABLE identities AS
WITH named AS (
    SELECT m.movie_id, m.source, m.source_id,
           CASE
               WHEN NOT m.alive THEN 'deleted'
               WHEN m.source = 'tmdb' AND m.number <> u.tmdb_id THEN 'merged'
               ELSE 'active'
           END AS state,
           CASE WHEN m.source = 'tmdb' AND m.alive AND m.number <> u.tmdb_id
                THEN CAST(u.tmdb_id AS VARCHAR) END AS replaced_by,
           m.note
    FROM movie_members AS m LEFT JOIN used_tmdb AS u USING (movie_id)
    WHERE m.source <> 'imdb'
    UNION ALL
    SELECT a.movie_id, 'imdb', a.key, CASE WHEN g.alive THEN 'active' ELSE 'deleted' END, NULL, NULL
    FROM assigned AS a JOIN groups AS g USING (key)
    WHERE starts_with(a.key, 'tt')
    UNION ALL
    SELECT a.movie_id, 'imdb', d.node, 'merged', d.ended, 'somebody decided so'
    FROM decided_ends AS d JOIN assigned AS a ON a.key = d.ended
    WHERE starts_with(d.node, 'tt')
),
held AS (
    SELECT i.* FROM core.id_map AS i
    WHERE i.movie_id IN (SELECT TRY_CAST(substr(node, 7) AS BIGINT) FROM affected WHERE starts_with(node, 'movie:'))
),
left_over AS (
    -- Ids that went to another movie, or that nobody names any more while their movie goes on under another.
    SELECT h.movie_id, h.source, h.source_id,
           'merged' AS state,
           CASE WHEN now.movie_id IS NULL THEN own.source_id ELSE h.source_id END AS replaced_by,
           CASE WHEN now.movie_id IS NULL THEN 'no source names it any more'
                ELSE 'it is movie ' || now.movie_id || ' now' END AS note
    FROM held AS h
    LEFT JOIN named AS same
        ON same.movie_id = h.movie_id AND same.source = h.source AND same.source_id = h.source_id
    LEFT JOIN (SELECT source, source_id, min(movie_id) AS movie_id FROM named GROUP BY ALL) AS now
        ON now.source = h.source AND now.source_id = h.source_id
    LEFT JOIN (SELECT movie_id, source, min(source_id) AS source_id FROM named WHERE state = 'active' GROUP BY ALL) AS own
        ON own.movie_id = h.movie_id AND own.source = h.source
    WHERE same.movie_id IS NULL
),
desired AS (
    SELECT * FROM named UNION ALL SELECT * FROM left_over
)
SELECT d.* FROM desired AS d
LEFT JOIN held AS h ON h.movie_id = d.movie_id AND h.source = d.source AND h.source_id = d.source_id
WHERE h.movie_id IS NULL OR h.state <> d.state OR h.replaced_by IS DISTINCT FROM d.replaced_by
   OR h.note IS DISTINCT FROM d.note;

DELETE FROM core.id_map AS h USING identities AS d
WHERE h.movie_id = d.movie_id AND h.source = d.source AND h.source_id = d.source_id;

INSERT INTO core.id_map (movie_id, source, source_id, state, replaced_by, note, known_time)
SELECT movie_id, source, source_id, state, replaced_by, note, $now FROM identities ORDER BY movie_id, source, source_id;
