-- Which ids the sources join: a new link may move a TMDb record from one movie to another.
CREATE OR REPLACE TEMP TABLE edges AS
SELECT DISTINCT 'movielens:' || movielens_id AS a, linked_imdb_id(imdb_id) AS b
FROM raw.movielens_links WHERE linked_imdb_id(imdb_id) IS NOT NULL
UNION ALL
SELECT DISTINCT 'movielens:' || movielens_id, 'tmdb:' || tmdb_id FROM raw.movielens_links WHERE tmdb_id IS NOT NULL
UNION ALL
SELECT DISTINCT 'tmdb:' || tmdb_id, imdb_id FROM arrived_records WHERE imdb_id IS NOT NULL;

CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT node FROM touched;
