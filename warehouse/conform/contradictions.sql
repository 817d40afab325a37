-- Ids that core has otherwise than these rules would: a lake that an earlier release conformed is mended by
-- looking at its contradictions alone. Some of them turn out to be none.
INSERT INTO touched
SELECT 'tmdb:' || tmdb_id FROM core.movies WHERE deleted_at IS NULL AND tmdb_id IS NOT NULL
GROUP BY tmdb_id HAVING count(*) > 1
UNION
SELECT node(source, source_id) FROM core.id_map WHERE source = 'tmdb' AND state = 'merged'
UNION
SELECT 'movielens:' || l.movielens_id
FROM raw.movielens_links AS l
JOIN core.id_map AS i
    ON i.source = 'movielens' AND i.state = 'active' AND i.source_id = CAST(l.movielens_id AS VARCHAR)
JOIN core.movies AS m ON m.movie_id = i.movie_id
LEFT JOIN core.id_map AS t
    ON t.source = 'tmdb' AND t.state <> 'merged' AND t.source_id = CAST(l.tmdb_id AS VARCHAR)
WHERE l.tmdb_id > 0 AND (m.tmdb_id IS DISTINCT FROM l.tmdb_id OR t.movie_id <> i.movie_id);
