SELECT n.*, least(coalesce(s.event_time, $now), $now) AS event_time, $now AS known_time, $batch_id AS batch_id
FROM new_movies AS n
JOIN changed USING (movie_id)
LEFT JOIN said AS s USING (movie_id)
ORDER BY n.movie_id;
