SELECT coalesce(payload, CAST(to_json({'id': tmdb_id, 'status': status}) AS VARCHAR)) AS original, reason
FROM answers WHERE reason IS NOT NULL;
