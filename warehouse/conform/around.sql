-- The rows of the tables around core.movies, each once.

CREATE OR REPLACE TEMP TABLE new_movie_genres AS
SELECT DISTINCT movie_id, source, genre FROM (
    SELECT movie_id, 'tmdb' AS source, stripped(text(unnest(d.genres).name)) AS genre FROM used_tmdb
    UNION ALL
    SELECT movie_id, 'movielens', CASE WHEN g = 'Children''s' THEN 'Children' ELSE g END
    FROM (SELECT movie_id, stripped(unnest(string_split(genres, '|'))) AS g FROM used_movielens)
    -- IMAX is a format.
    WHERE g NOT IN ('(no genres listed)', 'IMAX')
    UNION ALL
    SELECT movie_id, 'imdb', stripped(unnest(string_split(genres, ','))) FROM used_imdb
)
WHERE genre IS NOT NULL AND genre <> '\N';

CREATE OR REPLACE TEMP TABLE new_movie_keywords AS
SELECT movie_id, keyword_id, min(keyword) AS keyword
FROM (
    SELECT movie_id, whole(k.id) AS keyword_id, plain(text(k.name)) AS keyword
    FROM (SELECT movie_id, unnest(d.keywords.keywords) AS k FROM used_tmdb)
)
WHERE keyword_id IS NOT NULL AND keyword IS NOT NULL
GROUP BY movie_id, keyword_id;

-- A tag's last row says whether it stands; a user counts once per set, and the set where most users gave it counts.
CREATE OR REPLACE TEMP TABLE new_movie_tags AS
SELECT movie_id, tag, max(n_users) AS n_users, max(last_tagged_at) AS last_tagged_at
FROM (
    SELECT u.movie_id, t.dataset, t.tag, count(DISTINCT t.user_id) AS n_users, max(known_time(t.tagged_at)) AS last_tagged_at
    FROM (
        SELECT dataset, user_id, movielens_id, tagged_at, lower(stripped(given.tag)) AS tag
        FROM raw.movielens_tags AS given
        WHERE movielens_id IN (SELECT movielens_id FROM used_movielens)
        QUALIFY row_number() OVER (PARTITION BY dataset, user_id, movielens_id, given.tag, tagged_at
                                   ORDER BY given.rowid DESC) = 1
            AND NOT coalesce(deleted, false)
    ) AS t
    JOIN used_movielens AS u USING (movielens_id)
    WHERE t.tag IS NOT NULL
    GROUP BY ALL
)
GROUP BY movie_id, tag;

CREATE OR REPLACE TEMP TABLE new_movie_people AS
WITH crew AS (
    SELECT movie_id, unnest(d.credits.crew) AS c, generate_subscripts(d.credits.crew, 1) AS nth FROM used_tmdb
),
actors AS (
    SELECT movie_id, unnest(d.credits.cast) AS c, generate_subscripts(d.credits.cast, 1) AS nth FROM used_tmdb
),
named AS (
    SELECT movie_id, 'tmdb' AS source, whole(c.id) AS id, text(c.name) AS name,
           CASE WHEN text(c.job) = 'Director' THEN 'director' WHEN text(c.department) = 'Writing' THEN 'writer' END AS job,
           nth AS place
    FROM crew
    UNION ALL
    SELECT movie_id, 'tmdb', whole(c.id), text(c.name), 'actor', coalesce(small(c."order"), 0) * 10000 + nth FROM actors
),
people AS (
    SELECT movie_id, source, coalesce('tmdb:' || id, stripped(name)) AS person_id, plain(name) AS name, job, place
    FROM named
    UNION ALL
    -- title.crew has ids only: a name stays unknown until a source tells it.
    SELECT a.movie_id, 'imdb', p.person_id, p.person_id, p.job, p.place
    FROM (
        SELECT tconst, unnest(string_split(directors, ',')) AS person_id, 'director' AS job,
               generate_subscripts(string_split(directors, ','), 1) AS place
        FROM imdb_crew
        UNION ALL
        SELECT tconst, unnest(string_split(writers, ',')), 'writer',
               generate_subscripts(string_split(writers, ','), 1)
        FROM imdb_crew
    ) AS p
    JOIN assigned AS a ON a.key = p.tconst
    WHERE starts_with(p.person_id, 'nm')
)
SELECT movie_id, source, person_id, name, job,
       CAST(row_number() OVER (PARTITION BY movie_id, source, job ORDER BY place, person_id) - 1 AS INTEGER) AS position
FROM (
    SELECT movie_id, source, person_id, arg_min(name, place) AS name, job, min(place) AS place
    FROM people WHERE person_id IS NOT NULL AND job IS NOT NULL
    GROUP BY movie_id, source, person_id, job
)
QUALIFY job <> 'actor' OR position < 10;

CREATE OR REPLACE TEMP TABLE new_movie_companies AS
SELECT DISTINCT movie_id, whole(c.id) AS company_id, plain(text(c.name)) AS company
FROM (SELECT movie_id, unnest(d.production_companies) AS c FROM used_tmdb)
WHERE plain(text(c.name)) IS NOT NULL;

CREATE OR REPLACE TEMP TABLE new_movie_countries AS
SELECT DISTINCT movie_id, stripped(text(c.iso_3166_1)) AS country
FROM (SELECT movie_id, unnest(d.production_countries) AS c FROM used_tmdb)
WHERE stripped(text(c.iso_3166_1)) IS NOT NULL;

CREATE OR REPLACE TEMP TABLE new_movie_languages AS
SELECT DISTINCT movie_id, stripped(text(c.iso_639_1)) AS language
FROM (SELECT movie_id, unnest(d.spoken_languages) AS c FROM used_tmdb)
WHERE stripped(text(c.iso_639_1)) IS NOT NULL;

-- The set with most ratings of the movie. Sums of whole hundredths, because sums of fractions depend on their order.
CREATE OR REPLACE TEMP TABLE new_ratings AS
SELECT movie_id, n AS n_ratings, total / n / 100.0 AS mean_rating,
       CASE WHEN n > 1 THEN sqrt(greatest(0.0, (squares - total * (total / n)) / (n - 1))) / 100.0 END AS stddev_rating,
       last_rated_at
FROM (
    SELECT u.movie_id, r.dataset, count(*) AS n, CAST(sum(TRY_CAST(round(r.rating * 100) AS BIGINT)) AS DOUBLE) AS total,
           CAST(sum(TRY_CAST(round(r.rating * 100) AS BIGINT) ** 2) AS DOUBLE) AS squares, max(known_time(r.rated_at)) AS last_rated_at
    FROM raw.movielens_ratings AS r JOIN used_movielens AS u USING (movielens_id)
    GROUP BY u.movie_id, r.dataset
) JOIN datasets USING (dataset)
QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY n DESC, recency DESC) = 1;

CREATE OR REPLACE TEMP TABLE new_posters AS
SELECT t.movie_id, f.tmdb_id, f.poster_path, f.sha256, f.width, f.height, f.format, f.bytes
FROM from_tmdb AS t
JOIN ops.poster_files AS f ON f.tmdb_id = t.tmdb_id AND f.poster_path = t.poster_path
WHERE f.state = 'stored'
QUALIFY row_number() OVER (PARTITION BY t.movie_id ORDER BY f.fetched_at DESC) = 1;
