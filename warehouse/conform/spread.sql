-- One step along the edges; repeated until nothing is added. Movies that hang together are few.
INSERT INTO affected
SELECT b FROM edges WHERE a IN (SELECT node FROM affected) AND b NOT IN (SELECT node FROM affected)
UNION
SELECT a FROM edges WHERE b IN (SELECT node FROM affected) AND a NOT IN (SELECT node FROM affected);
