SELECT a.tmdb_id, CASE WHEN a.status = 200 THEN a.payload END AS payload,
       CASE WHEN a.status = 200 THEN a.content_hash END AS content_hash, a.status
FROM answers AS a
LEFT JOIN answers_known AS k USING (tmdb_id)
WHERE a.reason IS NULL
  AND (k.tmdb_id IS NULL OR k.status IS DISTINCT FROM a.status
       OR (a.status = 200 AND k.content_hash IS DISTINCT FROM a.content_hash))
ORDER BY a.tmdb_id;
