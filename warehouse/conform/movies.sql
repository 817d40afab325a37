-- One row per affected movie. {chosen_columns} and {chosen_sources} are those of precedence.py.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT a.movie_id, CASE WHEN starts_with(a.key, 'tt') THEN a.key END AS imdb_id, {chosen_columns},
       -- One source that says so is enough.
       coalesce(from_tmdb.adult OR from_imdb.adult, from_tmdb.adult, from_imdb.adult) AS adult,
       {chosen_sources} AS sources,
       g.deleted_at, from_tmdb.movie_id IS NOT NULL AS has_record,
       coalesce(from_tmdb.tmdb_id, from_movielens.linked_tmdb_id) AS linked_tmdb_id
FROM assigned AS a
JOIN groups AS g USING (key)
LEFT JOIN from_tmdb ON from_tmdb.movie_id = a.movie_id
LEFT JOIN from_movielens ON from_movielens.movie_id = a.movie_id
LEFT JOIN from_imdb ON from_imdb.movie_id = a.movie_id
LEFT JOIN from_person ON from_person.movie_id = a.movie_id;

-- What the tables around hold, in one number per movie that does not depend on the order of rows.
CREATE OR REPLACE TEMP TABLE around AS
SELECT movie_id, CAST(bit_xor(md5_number_lower(content)) AS VARCHAR) AS content_hash
FROM (
    SELECT movie_id, concat_ws(chr(31), 'genre', source, genre) AS content FROM new_movie_genres
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'keyword', keyword_id, keyword) FROM new_movie_keywords
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'tag', tag, n_users, epoch_us(last_tagged_at)) FROM new_movie_tags
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'person', source, person_id, name, job, position)
              FROM new_movie_people
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'company', company_id, company) FROM new_movie_companies
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'country', country) FROM new_movie_countries
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'language', language) FROM new_movie_languages
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'ratings', n_ratings, mean_rating, stddev_rating,
                                         epoch_us(last_rated_at)) FROM new_ratings
    UNION ALL SELECT movie_id, concat_ws(chr(31), 'poster', poster_path, sha256) FROM new_posters
)
GROUP BY movie_id;

-- Movies that the sources link to one TMDb id go to the same part of the split, that of the movie which has the record:
-- only one of them has the id, but they may be one film.
CREATE OR REPLACE TEMP TABLE new_movies AS
WITH keyed AS (
    SELECT *, CASE WHEN linked_tmdb_id IS NULL THEN coalesce(imdb_id, 'movielens:' || movielens_id) ELSE coalesce(
        max(CASE WHEN has_record THEN imdb_id END) OVER (PARTITION BY linked_tmdb_id),
        min(imdb_id) OVER (PARTITION BY linked_tmdb_id),
        'tmdb:' || linked_tmdb_id
    ) END AS split_key
    FROM chosen
),
placed AS (
    -- That a movie is gone is part of its hash; when a night noticed it is not.
    SELECT k.* EXCLUDE (has_record, linked_tmdb_id) REPLACE (
               CASE WHEN deleted_at IS NOT NULL THEN CAST('1970-01-01 00:00:00+00' AS TIMESTAMPTZ) END AS deleted_at
           ),
           split_bucket(split_key) AS bucket
    FROM keyed AS k
)
SELECT p.* REPLACE (c.deleted_at AS deleted_at), md5(to_json(p) || coalesce(content_hash, '')) AS row_hash
FROM placed AS p JOIN chosen AS c USING (movie_id) LEFT JOIN around USING (movie_id);

CREATE OR REPLACE TEMP TABLE changed AS
SELECT n.movie_id, o.movie_id IS NULL AS is_new, n.deleted_at IS NOT NULL AND o.deleted_at IS NULL AS is_deleted
FROM new_movies AS n LEFT JOIN core.movies AS o USING (movie_id)
WHERE o.row_hash IS DISTINCT FROM n.row_hash;

-- Movies whose ids all went to other movies.
CREATE OR REPLACE TEMP TABLE merged AS
SELECT movie_id FROM core.movies
WHERE movie_id IN (SELECT TRY_CAST(substr(node, 7) AS BIGINT) FROM affected WHERE starts_with(node, 'movie:'))
  AND movie_id NOT IN (SELECT movie_id FROM new_movies);

-- When what a movie is made of was last said or withdrawn.
CREATE OR REPLACE TEMP TABLE said AS
SELECT movie_id, max(told) AS event_time FROM (
    SELECT movie_id, fetched_at AS told FROM used_tmdb
    UNION ALL SELECT movie_id, fetched_at FROM used_movielens
    UNION ALL SELECT movie_id, fetched_at FROM used_imdb
    UNION ALL SELECT u.movie_id, l.fetched_at FROM used_movielens AS u JOIN movielens_links_last AS l USING (movielens_id)
    UNION ALL SELECT a.movie_id, r.fetched_at FROM assigned AS a JOIN imdb_ratings AS r ON r.tconst = a.key
    UNION ALL SELECT a.movie_id, c.fetched_at FROM assigned AS a JOIN imdb_crew AS c ON c.tconst = a.key
    UNION ALL SELECT u.movie_id, t.fetched_at FROM used_movielens AS u JOIN raw.movielens_tags AS t USING (movielens_id)
    UNION ALL SELECT u.movie_id, r.fetched_at
              FROM used_movielens AS u JOIN raw.movielens_ratings AS r USING (movielens_id)
    UNION ALL SELECT n.movie_id, f.fetched_at FROM new_posters AS n JOIN ops.poster_files AS f USING (tmdb_id)
    UNION ALL SELECT a.movie_id, m.gone_at FROM assigned AS a JOIN members AS m USING (key) WHERE NOT m.alive
)
WHERE movie_id IN (SELECT movie_id FROM changed)
GROUP BY movie_id;
