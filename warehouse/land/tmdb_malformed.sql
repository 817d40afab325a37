SELECT coalesce(payload, to_json({'id': tmdb_id, 'status': status})) AS original, reason
FROM answers WHERE reason IS NOT NULL;
