-- The last answer of each id in the batch, judged: `reason` says why it cannot land.
CREATE OR REPLACE TEMP TABLE answers AS
WITH numbered AS (
    SELECT *, readable(payload) AS json, row_number() OVER () AS nth FROM tmdb_answers
),
latest AS (
    SELECT * FROM numbered QUALIFY row_number() OVER (PARTITION BY tmdb_id ORDER BY nth DESC) = 1
)
SELECT tmdb_id, payload, content_hash, status, source_time, CAST(CASE
    WHEN reason IS NOT NULL THEN reason
    WHEN tmdb_id IS NULL THEN 'the answer has no id'
    WHEN status = 404 THEN NULL
    WHEN status IS DISTINCT FROM 200 THEN 'status is neither 200 nor 404'
    WHEN payload IS NULL THEN 'the answer is empty'
    WHEN NOT json_valid(json) THEN 'the answer is not JSON'
    WHEN json_type(json) <> 'OBJECT' THEN 'the answer is not a JSON object'
    WHEN try_cast(json ->> '$.id' AS BIGINT) IS DISTINCT FROM tmdb_id THEN 'the answer is about another id'
END AS VARCHAR) AS reason
FROM latest;

-- What was known of them. An id that was forgotten after a malformed answer is looked up in raw.
CREATE OR REPLACE TEMP TABLE answers_known AS
WITH state AS (
    SELECT TRY_CAST(s.source_id AS BIGINT) AS tmdb_id, s.status, s.content_hash
    FROM ops.source_state AS s
    WHERE s.source = 'tmdb' AND s.source_id IN (SELECT CAST(tmdb_id AS VARCHAR) FROM answers)
),
forgotten AS (
    SELECT tmdb_id, arg_max({'status': status, 'content_hash': content_hash}, rowid) AS last
    FROM raw.tmdb_movies
    WHERE tmdb_id IN (SELECT tmdb_id FROM answers EXCEPT SELECT tmdb_id FROM state)
    GROUP BY tmdb_id
)
SELECT tmdb_id, status, content_hash FROM state
UNION ALL
SELECT tmdb_id, last.status, last.content_hash FROM forgotten;
