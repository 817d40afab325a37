-- A new id that a movie already has, or that two new movies have, is drawn again from key#1, key#2, …
UPDATE assigned SET movie_id = hashed_id(key || '#' || attempt), attempt = attempt + 1
WHERE attempt > 0 AND key IN (
    SELECT key FROM (
        SELECT key, attempt, row_number() OVER (PARTITION BY movie_id ORDER BY attempt, key) AS nth,
               movie_id IN (SELECT movie_id FROM core.id_map) AS taken
        FROM assigned
    )
    WHERE attempt > 0 AND (taken OR nth > 1)
);
