-- The claims to TMDb ids whose record is not here (any more): decided ones before those of MovieLens' links, the
-- lowest MovieLens id first. One step: each claim that comes first both for its id and for its movie is granted,
-- and what it beats falls away; repeated until nothing is granted.
INSERT INTO owners
SELECT tmdb_id, movie_id, claimed_by, record, alive FROM open_claims AS c
WHERE NOT EXISTS (FROM owners AS o WHERE o.movie_id = c.movie_id)
  AND NOT EXISTS (FROM owners AS o WHERE o.tmdb_id = c.tmdb_id AND o.alive = c.alive)
QUALIFY row_number() OVER (PARTITION BY movie_id ORDER BY rank, number, tmdb_id) = 1
    AND row_number() OVER (PARTITION BY tmdb_id, alive ORDER BY rank, number, movie_id) = 1;
