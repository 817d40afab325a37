-- Which ids the sources join: a new link may move a TMDb record from one movie to another.
CREATE OR REPLACE TEMP TABLE edges AS
SELECT DISTINCT 'movielens:' || movielens_id AS a, linked_imdb_id(imdb_id) AS b
FROM raw.movielens_links WHERE linked_imdb_id(imdb_id) IS NOT NULL
UNION ALL
SELECT DISTINCT 'movielens:' || movielens_id, 'tmdb:' || tmdb_id FROM raw.movielens_links WHERE tmdb_id IS NOT NULL
UNION ALL
SELECT DISTINCT 'tmdb:' || tmdb_id, imdb_id FROM arrived_records WHERE imdb_id IS NOT NULL
UNION ALL
SELECT DISTINCT node(source, source_id), target FROM core.id_decisions WHERE target IS NOT NULL
UNION ALL
-- What TMDb says of ids that were decided about: the id map has them where the decision put them.
SELECT DISTINCT 'tmdb:' || tmdb_id, unnest([imdb_id(ids.imdb_id), imdb_id(ids.external_ids.imdb_id)])
FROM (
    SELECT tmdb_id, from_json(payload, '{"imdb_id": "VARCHAR", "external_ids": {"imdb_id": "VARCHAR"}}') AS ids
    FROM raw.tmdb_movies
    WHERE status = 200 AND tmdb_id IN (
        SELECT try_cast(source_id AS BIGINT) FROM core.id_decisions WHERE source = 'tmdb'
    )
);
DELETE FROM edges WHERE b IS NULL;

CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT node FROM touched;
