-- Claims of the sources about ids that lost against another one, as core.id_conflicts has them.

CREATE OR REPLACE TEMP TABLE lost_claims AS
WITH recorded AS (
    SELECT number AS tmdb_id, movie_id, key FROM movie_members WHERE source = 'tmdb' AND alive
),
link AS (
    -- What MovieLens says now, verbatim, of the movies that it has.
    SELECT l.movielens_id, l.imdb_id, l.tmdb_id, 'movielens:' || l.movielens_id AS record,
           coalesce(l.imdb_id, 'movielens:' || l.movielens_id) AS target,
           coalesce(d.ended, l.imdb_id, 'movielens:' || l.movielens_id) AS followed, m.movie_id, k.key
    FROM movielens_links_last AS l
    JOIN movie_members AS m ON m.source = 'movielens' AND m.number = l.movielens_id AND m.alive
    JOIN movielens_keys AS k ON k.movielens_id = l.movielens_id
    LEFT JOIN decided_ends AS d ON d.node = l.imdb_id
    WHERE l.alive
),
-- Links to a TMDb id that the movie did not get: it is another's, or the movie has another.
parted AS (
    SELECT l.*, r.movie_id AS record_movie, r.key AS record_key, t.ended, t.key AS decided_key,
           o.movie_id AS owner_movie, o.claimed_by, o.record AS owner_record, a.key AS owner_key,
           has.tmdb_id AS has_tmdb_id, has.claimed_by AS has_by, has.record AS has_record
    FROM link AS l
    LEFT JOIN recorded AS r USING (tmdb_id)
    LEFT JOIN tmdb_keys AS t USING (tmdb_id)
    LEFT JOIN owners AS o ON o.tmdb_id = l.tmdb_id AND o.alive
    LEFT JOIN assigned AS a ON a.movie_id = o.movie_id
    LEFT JOIN owners AS has ON has.movie_id = l.movie_id
    WHERE l.tmdb_id > 0 AND has.tmdb_id IS DISTINCT FROM l.tmdb_id AND r.movie_id IS DISTINCT FROM l.movie_id
),
-- Further records of one title.
twin AS (
    SELECT r.tmdb_id, r.movie_id, r.key, o.record AS won_record, t.imdb_id IS NOT NULL AS named,
           starts_with(w.ended, 'tt') AS decided,
           CASE WHEN t.imdb_id IS NOT NULL THEN 'tmdb:' || r.tmdb_id ELSE 'movielens:' || c.movielens_id END AS record
    FROM recorded AS r
    JOIN tmdb_records AS t USING (tmdb_id)
    JOIN owners AS o ON o.movie_id = r.movie_id AND o.tmdb_id <> r.tmdb_id
    LEFT JOIN claims AS c ON c.tmdb_id = r.tmdb_id
    LEFT JOIN decided_ends AS d ON d.node = 'tmdb:' || r.tmdb_id
    LEFT JOIN decided_ends AS w ON w.node = o.record
    WHERE d.node IS NULL
)
SELECT 'tmdb:' || tmdb_id AS disputed, 'movielens' AS lost_source, record AS lost_record, target AS lost_target,
       movie_id AS lost_movie_id, CASE WHEN ended IS NULL THEN 'tmdb' ELSE 'person' END AS won_source,
       'tmdb:' || tmdb_id AS won_record, record_key AS won_target, record_movie AS won_movie_id,
       CASE WHEN record_key = 'tmdb:' || tmdb_id
            THEN 'several titles are linked to a TMDb record that names none: it is a movie of its own'
            ELSE 'TMDb''s own record says which title it is' END AS reason
FROM parted WHERE record_movie IS NOT NULL AND followed <> record_key
UNION ALL
SELECT 'tmdb:' || tmdb_id, 'movielens', record, target, movie_id, 'person', 'tmdb:' || tmdb_id, decided_key,
       owner_movie, ''
FROM parted WHERE record_movie IS NULL AND ended IS NOT NULL AND followed <> decided_key
UNION ALL
SELECT 'tmdb:' || tmdb_id, 'movielens', record, target, movie_id, claimed_by, owner_record, owner_key, owner_movie,
       'TMDb has no record of it here, and several titles are linked to it: the lowest MovieLens id decides'
FROM parted
WHERE record_movie IS NULL AND ended IS NULL AND owner_movie IS NOT NULL AND followed <> owner_key
UNION ALL
SELECT key, 'movielens', record, 'tmdb:' || tmdb_id, movie_id, has_by, has_record, 'tmdb:' || has_tmdb_id, movie_id,
       CASE has_by WHEN 'tmdb' THEN 'TMDb has another record of that title'
            ELSE 'the title has several ids at MovieLens: the link of the lowest decides' END
FROM parted
WHERE record_movie IS NULL AND ended IS NULL AND owner_movie IS NULL AND has_tmdb_id IS NOT NULL
UNION ALL
SELECT record, 'movielens', record, 'tmdb:' || tmdb_id, movie_id, 'person', record, key, movie_id, ''
FROM parted
WHERE record_movie IS NULL AND ended IS NULL AND owner_movie IS NULL AND has_tmdb_id IS NULL
UNION ALL
SELECT l.record, 'movielens', l.record, l.imdb_id, l.movie_id, 'person', l.record, l.key, l.movie_id, ''
FROM link AS l JOIN decided_ends AS d ON d.node = l.record
WHERE l.imdb_id IS NOT NULL AND l.followed <> l.key
UNION ALL
SELECT d.node, 'tmdb', d.node, t.imdb_id, r.movie_id, 'person', d.node, r.key, r.movie_id, ''
FROM tmdb_records AS t
JOIN recorded AS r USING (tmdb_id)
JOIN decided_ends AS d ON d.node = 'tmdb:' || t.tmdb_id
LEFT JOIN decided_ends AS other ON other.node = t.imdb_id
WHERE t.imdb_id IS NOT NULL AND coalesce(other.ended, t.imdb_id) <> r.key
UNION ALL
SELECT m.source_id, 'imdb', m.source_id, m.source_id, m.movie_id, 'person', m.source_id, m.key, m.movie_id, ''
FROM movie_members AS m WHERE m.source = 'imdb' AND m.alive AND m.source_id <> m.key
UNION ALL
SELECT key, CASE WHEN named THEN 'tmdb' ELSE 'movielens' END, record, 'tmdb:' || tmdb_id, movie_id,
       CASE WHEN decided THEN 'person' ELSE 'tmdb' END, won_record, won_record, movie_id,
       CASE WHEN named THEN 'several TMDb records name one IMDb id: the lowest number is the movie''s'
            ELSE 'TMDb has another record of that title' END
FROM twin;

-- The batch that brought what each record says now.
CREATE OR REPLACE TEMP TABLE said_by AS
SELECT 'tmdb:' || tmdb_id AS record, batch_id FROM tmdb_records
UNION ALL SELECT 'movielens:' || movielens_id, batch_id FROM movielens_links_last
UNION ALL SELECT tconst, batch_id FROM imdb_titles;

CREATE OR REPLACE TEMP TABLE new_conflicts AS
SELECT CASE WHEN starts_with(c.disputed, 'tt') THEN 'imdb' ELSE split_part(c.disputed, ':', 1) END AS source,
       CASE WHEN starts_with(c.disputed, 'tt') THEN c.disputed ELSE split_part(c.disputed, ':', 2) END AS source_id,
       c.* EXCLUDE (disputed, reason),
       CASE WHEN c.won_source = 'person' THEN coalesce('decided by ' || d.author || ': ' || d.reason, 'decided')
            ELSE c.reason END AS reason,
       lost.batch_id, CASE WHEN c.won_source <> 'person' THEN won.batch_id END AS won_batch_id
FROM lost_claims AS c
LEFT JOIN decided AS d ON d.node = c.won_record
LEFT JOIN said_by AS lost ON lost.record = c.lost_record
LEFT JOIN said_by AS won ON won.record = c.won_record;

-- Those of the affected ids that go, and those that come; a claim that is merely repeated stays as it was noticed.
CREATE OR REPLACE TEMP TABLE held_conflicts AS
SELECT * FROM core.id_conflicts WHERE lost_record IN (SELECT node FROM affected);

DELETE FROM core.id_conflicts AS h USING (
    SELECT source, source_id, lost_record, lost_target FROM (
        SELECT * EXCLUDE (batch_id, won_batch_id, known_time) FROM held_conflicts
        EXCEPT SELECT source, source_id, lost_source, lost_record, lost_target, lost_movie_id, won_source, won_record,
                      won_target, won_movie_id, reason FROM new_conflicts
    )
) AS d
WHERE h.source = d.source AND h.source_id = d.source_id AND h.lost_record = d.lost_record
  AND h.lost_target = d.lost_target;

INSERT INTO core.id_conflicts BY NAME
SELECT n.*, $now AS known_time FROM new_conflicts AS n
ANTI JOIN (
    SELECT h.source, h.source_id, h.lost_record, h.lost_target FROM core.id_conflicts AS h
) AS h
    ON h.source = n.source AND h.source_id = n.source_id AND h.lost_record = n.lost_record
   AND h.lost_target = n.lost_target
ORDER BY n.source, n.source_id, n.lost_record;
