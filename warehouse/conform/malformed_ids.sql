SELECT DISTINCT CAST(to_json({'id': tmdb_id, 'imdb_id': stated}) AS VARCHAR) AS original,
       'imdb_id is not tt and digits; the record is kept without it' AS reason
FROM arrived_records WHERE stated IS NOT NULL;
