-- What each source says now about the affected ids: the last row of each, and whether the source still has it.
-- `alive` is false for what a source dropped; its last values stay readable for movies that nobody knows any more.

CREATE OR REPLACE TEMP TABLE affected_tmdb AS
SELECT TRY_CAST(substr(node, 6) AS BIGINT) AS tmdb_id FROM affected WHERE starts_with(node, 'tmdb:');
CREATE OR REPLACE TEMP TABLE affected_movielens AS
SELECT TRY_CAST(substr(node, 11) AS BIGINT) AS movielens_id FROM affected WHERE starts_with(node, 'movielens:');
CREATE OR REPLACE TEMP TABLE affected_imdb AS
SELECT node AS tconst FROM affected WHERE starts_with(node, 'tt');

-- rowid grows with every commit and outlives compaction: the greatest is the last answer.
CREATE OR REPLACE TEMP TABLE tmdb_last AS
SELECT tmdb_id, arg_max(status, rowid) AS status, arg_max(fetched_at, rowid) AS answered_at,
       max(rowid) FILTER (WHERE status = 200) AS payload_row
FROM raw.tmdb_movies SEMI JOIN affected_tmdb USING (tmdb_id)
GROUP BY tmdb_id
HAVING payload_row IS NOT NULL;

-- Each value stays JSON until text(), number(), whole() or flag() takes it: read as text at once, a list would become
-- the title '["A"]', and read as whole number, the id 1.5 would become that of another person.
CREATE OR REPLACE TEMP TABLE tmdb_payloads AS
SELECT r.tmdb_id, l.status, l.answered_at, r.fetched_at, r.batch_id, from_json(readable(r.payload), '{
    "imdb_id": "JSON", "external_ids": {"imdb_id": "JSON"}, "title": "JSON", "original_title": "JSON",
    "original_language": "JSON", "overview": "JSON", "tagline": "JSON", "status": "JSON",
    "release_date": "JSON", "runtime": "JSON", "budget": "JSON", "revenue": "JSON",
    "popularity": "JSON", "vote_average": "JSON", "vote_count": "JSON", "adult": "JSON",
    "poster_path": "JSON",
    "genres": [{"name": "JSON"}],
    "keywords": {"keywords": [{"id": "JSON", "name": "JSON"}]},
    "belongs_to_collection": {"id": "JSON", "name": "JSON"},
    "production_companies": [{"id": "JSON", "name": "JSON"}],
    "production_countries": [{"iso_3166_1": "JSON"}],
    "spoken_languages": [{"iso_639_1": "JSON"}],
    "credits": {
        "cast": [{"id": "JSON", "name": "JSON", "order": "JSON"}],
        "crew": [{"id": "JSON", "name": "JSON", "job": "JSON", "department": "JSON"}]
    },
    "release_dates": {"results": [{"iso_3166_1": "JSON", "release_dates": [
        {"certification": "JSON", "release_date": "JSON", "type": "JSON"}
    ]}]}
}') AS d
FROM raw.tmdb_movies AS r
JOIN tmdb_last AS l ON l.payload_row = r.rowid AND l.tmdb_id = r.tmdb_id;

-- A record is gone when TMDb answered 404, or when the newest export lacks it and it was not fetched since that day.
-- The export never lists adult films.
CREATE OR REPLACE TEMP TABLE tmdb_records AS
SELECT p.tmdb_id, p.fetched_at, p.batch_id, p.d,
       coalesce(imdb_id(text(p.d.imdb_id)), imdb_id(text(p.d.external_ids.imdb_id))) AS imdb_id,
       p.status = 200 AND NOT unlisted AS alive,
       CASE WHEN p.status <> 200 THEN p.answered_at WHEN unlisted THEN CAST(day AS TIMESTAMPTZ) END AS gone_at
FROM (
    SELECT p.*, export.day,
           export.day IS NOT NULL AND e.tmdb_id IS NULL AND NOT coalesce(flag(p.d.adult), false)
               AND coalesce(s.source_checked_at, p.fetched_at) < export.day AS unlisted
    FROM tmdb_payloads AS p
    CROSS JOIN (SELECT max(export_date) AS day FROM raw.tmdb_ids) AS export
    LEFT JOIN raw.tmdb_ids AS e ON e.tmdb_id = p.tmdb_id
    LEFT JOIN ops.source_state AS s ON s.source = 'tmdb' AND s.source_id = CAST(p.tmdb_id AS VARCHAR)
) AS p;

-- MovieLens' sets overlap: the later set has the word.
CREATE OR REPLACE TEMP TABLE dataset_ranks AS
SELECT * FROM (VALUES
    ('ml-100k', 1998.3), ('ml-1m', 2003.2), ('ml-10m', 2009.1), ('ml-20m', 2015.3), ('ml-latest-small', 2018.7),
    ('ml-25m', 2019.9), ('ml-latest', 2023.5), ('ml-32m', 2024.4)
) AS known (prefix, released);

CREATE OR REPLACE TEMP TABLE datasets AS
SELECT dataset, row_number() OVER (ORDER BY coalesce(released, 0), dataset) AS recency
FROM (
    SELECT dataset, arg_max(released, length(prefix)) AS released
    FROM (SELECT dataset FROM raw.movielens_movies UNION SELECT dataset FROM raw.movielens_links
          UNION SELECT dataset FROM raw.movielens_tags UNION SELECT dataset FROM raw.movielens_ratings) AS d
    LEFT JOIN dataset_ranks AS k ON starts_with(d.dataset, k.prefix)
    GROUP BY dataset
);

CREATE OR REPLACE TEMP TABLE movielens_last AS
SELECT movielens_id, row.title, row.genres, NOT row.deleted AS alive, row.fetched_at
FROM (
    SELECT dataset, movielens_id, arg_max({'title': title, 'genres': genres, 'deleted': coalesce(deleted, false),
                                           'fetched_at': fetched_at}, rowid) AS row
    FROM raw.movielens_movies SEMI JOIN affected_movielens USING (movielens_id)
    GROUP BY dataset, movielens_id
) JOIN datasets USING (dataset)
QUALIFY row_number() OVER (PARTITION BY movielens_id ORDER BY row.deleted, recency DESC) = 1;

CREATE OR REPLACE TEMP TABLE movielens_links_last AS
SELECT movielens_id, linked_imdb_id(row.imdb_id) AS imdb_id, row.tmdb_id, NOT row.deleted AS alive, row.fetched_at,
       row.batch_id
FROM (
    SELECT dataset, movielens_id, arg_max({'imdb_id': imdb_id, 'tmdb_id': tmdb_id,
                                           'deleted': coalesce(deleted, false), 'fetched_at': fetched_at,
                                           'batch_id': batch_id}, rowid) AS row
    FROM raw.movielens_links SEMI JOIN affected_movielens USING (movielens_id)
    GROUP BY dataset, movielens_id
) JOIN datasets USING (dataset)
QUALIFY row_number() OVER (PARTITION BY movielens_id ORDER BY row.deleted, recency DESC) = 1;

CREATE OR REPLACE TEMP TABLE imdb_titles AS
SELECT tconst, row.*, NOT row.deleted AS alive, row.title_type IN ('movie', 'tvMovie') AS is_film
FROM (
    SELECT tconst, arg_max({'title_type': title_type, 'primary_title': primary_title,
        'original_title': original_title, 'is_adult': is_adult, 'start_year': start_year,
        'runtime_minutes': runtime_minutes, 'genres': genres, 'deleted': coalesce(deleted, false),
        'fetched_at': fetched_at, 'batch_id': batch_id}, rowid) AS row
    FROM raw.imdb_title_basics SEMI JOIN affected_imdb USING (tconst)
    GROUP BY tconst
);

CREATE OR REPLACE TEMP TABLE imdb_ratings AS
SELECT tconst, row.* FROM (
    SELECT tconst, arg_max({'average_rating': average_rating, 'num_votes': num_votes,
                            'deleted': coalesce(deleted, false), 'fetched_at': fetched_at}, rowid) AS row
    FROM raw.imdb_title_ratings SEMI JOIN affected_imdb USING (tconst)
    GROUP BY tconst
) WHERE NOT row.deleted;

CREATE OR REPLACE TEMP TABLE imdb_crew AS
SELECT tconst, row.* FROM (
    SELECT tconst, arg_max({'directors': directors, 'writers': writers,
                            'deleted': coalesce(deleted, false), 'fetched_at': fetched_at}, rowid) AS row
    FROM raw.imdb_title_crew SEMI JOIN affected_imdb USING (tconst)
    GROUP BY tconst
) WHERE NOT row.deleted;
