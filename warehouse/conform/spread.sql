-- One step to the ids that belong together, now by the edges or before by the id map; repeated until nothing is added.
-- Movies that hang together are few.
INSERT INTO affected
WITH named AS (
    SELECT CASE WHEN starts_with(node, 'tt') THEN 'imdb' ELSE split_part(node, ':', 1) END AS source,
           CASE WHEN starts_with(node, 'tt') THEN node ELSE split_part(node, ':', 2) END AS source_id
    FROM affected
)
SELECT node FROM (
    SELECT b AS node FROM edges SEMI JOIN affected ON affected.node = a
    UNION SELECT a FROM edges SEMI JOIN affected ON affected.node = b
    UNION SELECT 'movie:' || movie_id FROM core.id_map SEMI JOIN named USING (source, source_id)
    UNION SELECT node(source, source_id) FROM core.id_map
    SEMI JOIN (SELECT TRY_CAST(source_id AS BIGINT) AS movie_id FROM named WHERE source = 'movie') AS m USING (movie_id)
) ANTI JOIN affected USING (node);
