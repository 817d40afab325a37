-- JSON that DuckDB reads. A source may send half of a surrogate pair as an escape: Python's JSON takes it, DuckDB's takes
-- none of the text then. No text holds such a half, so it goes. Escapes of other kinds and whole pairs are matched first,
-- so that they stay.
CREATE OR REPLACE TEMP MACRO readable(payload) AS
    CASE WHEN contains(payload, '\ud') OR contains(payload, '\uD') THEN regexp_replace(
        payload,
        '(\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\1', 'g'
    ) ELSE payload END;
