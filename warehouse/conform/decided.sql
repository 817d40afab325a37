-- What a person decided about ids: the latest row of each id, undone ones aside.
CREATE OR REPLACE TEMP TABLE decided AS
SELECT node(source, source_id) AS node, target, author, reason FROM (
    SELECT * FROM core.id_decisions
    QUALIFY row_number() OVER (PARTITION BY source, source_id ORDER BY decided_at DESC, decision_id DESC) = 1
)
-- Only another IMDb id can name an IMDb title's movie: whatever is decided about the ids that point to one follows it.
WHERE regexp_full_match(target, 'tt\d{7,10}|(tmdb|movielens):\d{1,18}')
  AND (source <> 'imdb' OR (starts_with(target, 'tt') AND target <> source_id));

-- Where a chain of decisions ends: an id that nothing was decided about, or one that was decided to stand alone.
-- Two people may have closed a circle: then the least id of it is the end of all.
CREATE OR REPLACE TEMP TABLE decided_ends AS
WITH RECURSIVE chain AS (
    SELECT node, target AS here, [node, target] AS path, false AS closed FROM decided
    UNION ALL
    SELECT c.node, d.target, list_append(c.path, d.target), list_contains(c.path, d.target)
    FROM chain AS c JOIN decided AS d ON d.node = c.here
    WHERE d.target <> d.node AND NOT c.closed
)
SELECT node,
       CASE WHEN arg_max(closed, len(path))
            THEN list_min(list_slice(arg_max(path, len(path)), list_position(arg_max(path, len(path)), arg_max(here, len(path))), -1))
            ELSE arg_max(here, len(path)) END AS ended
FROM chain GROUP BY node;
