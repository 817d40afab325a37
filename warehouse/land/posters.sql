DELETE FROM ops.poster_files WHERE tmdb_id IN (SELECT tmdb_id FROM poster_answers);

INSERT INTO ops.poster_files
    (tmdb_id, poster_path, state, reason, sha256, width, height, format, bytes, fetched_at, retry_after)
SELECT tmdb_id, poster_path, state, reason, sha256, width, height, format, bytes, fetched_at,
       CASE WHEN state <> 'stored' THEN fetched_at + CAST($retry AS INTERVAL) END
FROM poster_answers;
