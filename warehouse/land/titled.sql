-- Which movies have the title and year of rows that name no id: `titled` has n, title, year and runtime_minutes.
-- Titles are compared without case, accents and punctuation. Of several, the one of the same length is meant.
WITH known AS (
    SELECT DISTINCT imdb_id, year, runtime_minutes, plainly(name) AS name
    FROM (
        SELECT imdb_id, year, runtime_minutes, unnest([title, original_title]) AS name FROM core.movies
        WHERE imdb_id IS NOT NULL AND deleted_at IS NULL
    )
),
found AS (
    SELECT t.n, k.imdb_id, bool_or(coalesce(k.runtime_minutes = t.runtime_minutes, false)) AS as_long
    FROM titled AS t JOIN known AS k ON k.name = plainly(t.title) AND k.year = t.year
    WHERE k.name <> ''
    GROUP BY t.n, k.imdb_id
)
SELECT n, bool_or(as_long) AS as_long,
       CASE WHEN count(*) = 1 THEN min(imdb_id)
            WHEN count(*) FILTER (WHERE as_long) = 1 THEN min(imdb_id) FILTER (WHERE as_long) END AS imdb_id
FROM found GROUP BY n
ORDER BY as_long DESC, n;
