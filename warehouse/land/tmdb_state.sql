DELETE FROM ops.source_state
WHERE source = 'tmdb' AND source_id IN (SELECT CAST(tmdb_id AS VARCHAR) FROM answers);

INSERT INTO ops.source_state (source, source_id, content_hash, status, source_checked_at, checked_at)
SELECT 'tmdb', CAST(tmdb_id AS VARCHAR), CASE WHEN status = 200 THEN content_hash END, status,
       coalesce(source_time, $checked_at), $checked_at
FROM answers WHERE reason IS NULL;
