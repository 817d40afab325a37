SELECT m.tmdb_id, m.poster_path
FROM core.movies AS m
WHERE m.poster_path IS NOT NULL AND m.tmdb_id IS NOT NULL AND m.deleted_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM ops.poster_files AS f
    WHERE f.tmdb_id = m.tmdb_id AND f.poster_path = m.poster_path
      AND (f.state = 'stored' OR coalesce(f.retry_after > $now, false))
  )
GROUP BY ALL
ORDER BY m.tmdb_id;
