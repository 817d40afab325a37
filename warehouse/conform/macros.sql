-- Small functions that the other files of this folder share. They live in the connection only.

-- A value of TMDb's JSON as what its field should hold; one of another kind is unknown, never turned into that kind.
-- U+0000 is no character of a text: DuckLake cannot find the files for a condition that names one.
CREATE OR REPLACE TEMP MACRO text(j) AS
    CASE WHEN starts_with(CAST(j AS VARCHAR), '"') THEN replace(j ->> '$', chr(0), '') END;
CREATE OR REPLACE TEMP MACRO number(j) AS
    CASE WHEN regexp_matches(CAST(j AS VARCHAR), '^-?\d') THEN try_cast(CAST(j AS VARCHAR) AS DOUBLE) END;
CREATE OR REPLACE TEMP MACRO whole(j) AS
    CASE WHEN regexp_full_match(CAST(j AS VARCHAR), '-?\d{1,18}') THEN try_cast(CAST(j AS VARCHAR) AS BIGINT) END;
-- One that may be multiplied.
CREATE OR REPLACE TEMP MACRO small(j) AS CASE WHEN whole(j) BETWEEN -999999999999 AND 999999999999 THEN whole(j) END;
CREATE OR REPLACE TEMP MACRO flag(j) AS CASE CAST(j AS VARCHAR) WHEN 'true' THEN true WHEN 'false' THEN false END;

-- Outer white space, the no-break space and the byte order mark among it.
CREATE OR REPLACE TEMP MACRO stripped(t) AS
    nullif(regexp_replace(replace(t, chr(0), ''), '^[\s\x{00A0}\x{FEFF}]+|[\s\x{00A0}\x{FEFF}]+$', '', 'g'), '');

-- TMDb's texts carry HTML entities; the ampersand comes last, so that "&amp;lt;" becomes "&lt;".
CREATE OR REPLACE TEMP MACRO plain(t) AS
    stripped(replace(replace(replace(replace(replace(
        t, '&lt;', '<'), '&gt;', '>'), '&quot;', '"'), '&#39;', chr(39)), '&amp;', '&'));

-- DuckDB reads more than days as dates: 'epoch', 'infinity', 'January 1', the year 0.
CREATE OR REPLACE TEMP MACRO release_day(t) AS
    CASE WHEN regexp_full_match(t, '\d{4}-\d\d-\d\d') AND NOT starts_with(t, '0000') THEN try_cast(t AS DATE) END;

-- A time since 1970; Python has none before the year 1.
CREATE OR REPLACE TEMP MACRO known_time(t) AS
    CASE WHEN t BETWEEN TIMESTAMPTZ '1970-01-01 00:00:00+00' AND TIMESTAMPTZ '9999-01-01 00:00:00+00' THEN t END;

CREATE OR REPLACE TEMP MACRO imdb_id(t) AS
    CASE WHEN regexp_full_match(t, 'tt\d{7,10}') THEN t END;

-- MovieLens' links: digits without tt, mostly zero-padded to seven.
CREATE OR REPLACE TEMP MACRO linked_imdb_id(t) AS
    CASE WHEN regexp_full_match(stripped(t), '\d{1,10}') AND ltrim(stripped(t), '0') <> ''
         THEN 'tt' || repeat('0', 7 - length(stripped(t))) || stripped(t) END;

CREATE OR REPLACE TEMP MACRO node(source, source_id) AS
    CASE WHEN source = 'imdb' THEN source_id ELSE source || ':' || source_id END;

-- int(sha256(key).hexdigest()[:13], 16): 52 bits, exact in a double.
CREATE OR REPLACE TEMP MACRO hashed_id(key) AS CAST('0x' || left(sha256(key), 13) AS BIGINT);

-- int(sha256(key).hexdigest(), 16) % 10. Powers of 16 above the 0th end in 6, so the last digit of the whole is that
-- of the last 15 hexadecimal digits plus 6 times each earlier group.
CREATE OR REPLACE TEMP MACRO hexadecimal_bucket(h) AS CAST((
    CAST('0x' || h[50:64] AS BIGINT) % 10
    + 6 * (CAST('0x' || h[35:49] AS BIGINT) % 10 + CAST('0x' || h[20:34] AS BIGINT) % 10
           + CAST('0x' || h[5:19] AS BIGINT) % 10 + CAST('0x' || h[1:4] AS BIGINT) % 10)
) % 10 AS TINYINT);
CREATE OR REPLACE TEMP MACRO split_bucket(key) AS hexadecimal_bucket(sha256(key));

-- A title of movies.csv ends in "(1995)", "(2006–2007)" or "(2001-)"; blanks may stand around it or be missing before it.
CREATE OR REPLACE TEMP MACRO movielens_year(t) AS
    try_cast(regexp_extract(stripped(t), '\((\d{4})(?:\s*[-–—]\s*(?:\d{4})?)?\s*\)$', 1) AS INTEGER);
CREATE OR REPLACE TEMP MACRO without_year(t) AS
    coalesce(stripped(regexp_replace(stripped(t), '^(.*\S)\s*\(\d{4}(?:\s*[-–—]\s*(?:\d{4})?)?\s*\)$', '\1')), '');

-- "Title (Second title)": the part in parentheses goes, unless it is all there is.
CREATE OR REPLACE TEMP MACRO without_second_title(t) AS
    regexp_replace(t, '^(.*[^\s(])\s*\((?:[^()]|\([^()]*\))*\)$', '\1');
CREATE OR REPLACE TEMP MACRO without_second_titles(t) AS
    without_second_title(without_second_title(without_second_title(t)));

-- "Way We Were, The"; the elided article takes no blank.
CREATE OR REPLACE TEMP MACRO article_first(t) AS
    regexp_replace(
        regexp_replace(t,
            '^(.*\S)\s*[,;]\s*(The|A|An|La|Le|Les|El|Los|Las|Lo|Il|I|Gli|Der|Die|Das|Den|Det|De|Ein|Eine|En|Ett|Un|Une|Una|Uno|O|Os)$',
            '\2 \1'),
        '^(.*\S)\s*[,;]\s*(L[''’])$', '\2\1');
CREATE OR REPLACE TEMP MACRO movielens_title(t) AS
    stripped(article_first(without_second_titles(without_year(t))));

-- TMDb and IMDb write 0 for "unknown". CASE does not guard a CAST: 1e25 among many values failed the conform.
CREATE OR REPLACE TEMP MACRO positive(n, limit_) AS CASE WHEN n >= 1 AND n < limit_ THEN try_cast(n AS BIGINT) END;
