-- What the records that arrived say and core does not take: each value as it was sent, with the reason. Where a source
-- writes null, an empty text or 0 for "unknown", nothing is odd.

-- Why a value of TMDb's JSON is not what its field should hold; NULL where it is, or where there is none.
CREATE OR REPLACE TEMP MACRO not_text(j) AS CASE WHEN json_type(j) NOT IN ('VARCHAR', 'NULL') THEN 'is not text' END;
CREATE OR REPLACE TEMP MACRO not_an_object(j) AS
    CASE WHEN json_type(j) NOT IN ('OBJECT', 'NULL') THEN 'is not an object' END;
CREATE OR REPLACE TEMP MACRO not_a_list(j) AS CASE WHEN json_type(j) NOT IN ('ARRAY', 'NULL') THEN 'is not a list' END;
CREATE OR REPLACE TEMP MACRO not_whole(j) AS
    CASE WHEN json_type(j) <> 'NULL' AND whole(j) IS NULL THEN 'is not a whole number of up to 18 digits' END;
CREATE OR REPLACE TEMP MACRO not_small(j) AS
    CASE WHEN json_type(j) <> 'NULL' AND small(j) IS NULL THEN 'is not a whole number of up to 12 digits' END;
CREATE OR REPLACE TEMP MACRO not_a_flag(j) AS
    CASE WHEN json_type(j) NOT IN ('BOOLEAN', 'NULL') THEN 'is neither true nor false' END;
CREATE OR REPLACE TEMP MACRO not_between(j, low, high) AS
    CASE WHEN json_type(j) <> 'NULL' AND NOT coalesce(number(j) = 0 OR number(j) BETWEEN low AND high, false)
         THEN 'is not a number from ' || low || ' to ' || high END;
CREATE OR REPLACE TEMP MACRO not_a_title_id(j) AS
    CASE WHEN json_type(j) <> 'NULL' AND coalesce(text(j) <> '' AND imdb_id(text(j)) IS NULL, true)
         THEN 'is not tt and digits' END;
CREATE OR REPLACE TEMP MACRO not_a_day(j, first, last) AS
    CASE WHEN j IS NULL OR json_type(j) = 'NULL' OR text(j) = '' THEN NULL
         WHEN release_day(text(j)) IS NULL THEN 'is not a day'
         WHEN year(release_day(text(j))) NOT BETWEEN first AND last
         THEN 'is not in the years from ' || first || ' to ' || last END;

-- Why an entry of a list is not used, or only in part.
CREATE OR REPLACE TEMP MACRO odd_name(j, name) AS
    coalesce(not_an_object(j), CASE WHEN text(json_extract(j, name)) IS NULL THEN 'has no ' || name END);
CREATE OR REPLACE TEMP MACRO odd_keyword(j) AS
    coalesce(odd_name(j, 'name'), CASE WHEN whole(json_extract(j, 'id')) IS NULL THEN 'has no id' END);
CREATE OR REPLACE TEMP MACRO odd_person(j) AS
    coalesce(not_an_object(j), 'id ' || not_whole(json_extract(j, 'id')), 'name ' || not_text(json_extract(j, 'name')),
             'order ' || not_small(json_extract(j, 'order')), 'job ' || not_text(json_extract(j, 'job')),
             'department ' || not_text(json_extract(j, 'department')));
CREATE OR REPLACE TEMP MACRO odd_release(j) AS
    coalesce(not_an_object(j), 'certification ' || not_text(json_extract(j, 'certification')), 'type ' || not_small(json_extract(j, 'type')));

CREATE OR REPLACE TEMP MACRO odd(path, j, why) AS CASE WHEN why IS NOT NULL THEN {path: path, j: j, why: why} END;
CREATE OR REPLACE TEMP MACRO listed(j) AS coalesce(from_json(j, '["JSON"]'), []);
CREATE OR REPLACE TEMP MACRO us_releases(j) AS flatten(list_transform(
    list_filter(listed(j), r -> coalesce(text(json_extract(r, 'iso_3166_1')) = 'US', false)), r -> listed(json_extract(r, 'release_dates'))
));

-- The last answers, where they are new.
CREATE OR REPLACE TEMP TABLE arrived_values AS
SELECT tmdb_id, from_json(readable(payload), '{
    "imdb_id": "JSON", "external_ids": "JSON", "title": "JSON", "original_title": "JSON", "original_language": "JSON",
    "overview": "JSON", "tagline": "JSON", "status": "JSON", "poster_path": "JSON", "release_date": "JSON",
    "runtime": "JSON", "budget": "JSON", "revenue": "JSON", "popularity": "JSON", "vote_average": "JSON",
    "vote_count": "JSON", "adult": "JSON", "belongs_to_collection": "JSON", "genres": "JSON", "keywords": "JSON",
    "production_companies": "JSON", "production_countries": "JSON", "spoken_languages": "JSON", "credits": "JSON",
    "release_dates": "JSON"
}') AS d,
       CASE WHEN readable(payload) <> payload THEN list_filter(
           regexp_extract_all(payload, '"(?:[^"\\]|\\.)*"'), t -> readable(t) <> t
       ) END AS halved
FROM raw.tmdb_movies AS r JOIN tmdb_last AS l USING (tmdb_id)
WHERE r.rowid = l.payload_row AND r.snapshot_id > $since;

CREATE OR REPLACE TEMP TABLE odd_values AS
SELECT tmdb_id, unnest(list_filter([
    odd('imdb_id', d.imdb_id, not_a_title_id(d.imdb_id)),
    odd('external_ids', d.external_ids, not_an_object(d.external_ids)),
    odd('external_ids.imdb_id', json_extract(d.external_ids, 'imdb_id'), not_a_title_id(json_extract(d.external_ids, 'imdb_id'))),
    odd('title', d.title, not_text(d.title)),
    odd('original_title', d.original_title, not_text(d.original_title)),
    odd('original_language', d.original_language, not_text(d.original_language)),
    odd('overview', d.overview, not_text(d.overview)),
    odd('tagline', d.tagline, not_text(d.tagline)),
    odd('status', d.status, not_text(d.status)),
    odd('poster_path', d.poster_path, not_text(d.poster_path)),
    odd('release_date', d.release_date, not_a_day(d.release_date, $year_min, $year_max)),
    odd('runtime', d.runtime, not_between(d.runtime, 1, 999999)),
    odd('budget', d.budget, not_between(d.budget, 1, 999999999999999)),
    odd('revenue', d.revenue, not_between(d.revenue, 1, 999999999999999)),
    odd('popularity', d.popularity, not_between(d.popularity, 0, 999999999)),
    odd('vote_average', d.vote_average, not_between(d.vote_average, 0, 10)),
    odd('vote_count', d.vote_count, not_between(d.vote_count, 0, 1000000000000000)),
    odd('adult', d.adult, not_a_flag(d.adult)),
    odd('belongs_to_collection', d.belongs_to_collection, not_an_object(d.belongs_to_collection)),
    odd('belongs_to_collection.id', json_extract(d.belongs_to_collection, 'id'), not_whole(json_extract(d.belongs_to_collection, 'id'))),
    odd('belongs_to_collection.name', json_extract(d.belongs_to_collection, 'name'), not_text(json_extract(d.belongs_to_collection, 'name'))),
    odd('keywords', d.keywords, not_an_object(d.keywords)),
    odd('keywords.keywords', json_extract(d.keywords, 'keywords'), not_a_list(json_extract(d.keywords, 'keywords'))),
    odd('credits', d.credits, not_an_object(d.credits)),
    odd('credits.cast', json_extract(d.credits, 'cast'), not_a_list(json_extract(d.credits, 'cast'))),
    odd('credits.crew', json_extract(d.credits, 'crew'), not_a_list(json_extract(d.credits, 'crew'))),
    odd('release_dates', d.release_dates, not_an_object(d.release_dates)),
    odd('release_dates.results', json_extract(d.release_dates, 'results'), not_a_list(json_extract(d.release_dates, 'results'))),
    odd('genres', d.genres, not_a_list(d.genres)),
    odd('production_companies', d.production_companies, not_a_list(d.production_companies)),
    odd('production_countries', d.production_countries, not_a_list(d.production_countries)),
    odd('spoken_languages', d.spoken_languages, not_a_list(d.spoken_languages))
]
|| list_transform(listed(d.genres), e -> odd('genres', e, odd_name(e, 'name')))
|| list_transform(listed(json_extract(d.keywords, 'keywords')), e -> odd('keywords.keywords', e, odd_keyword(e)))
|| list_transform(listed(d.production_companies), e -> odd('production_companies', e, coalesce(odd_name(e, 'name'), 'id ' || not_whole(json_extract(e, 'id')))))
|| list_transform(listed(d.production_countries), e -> odd('production_countries', e, odd_name(e, 'iso_3166_1')))
|| list_transform(listed(d.spoken_languages), e -> odd('spoken_languages', e, odd_name(e, 'iso_639_1')))
|| list_transform(listed(json_extract(d.credits, 'cast')), e -> odd('credits.cast', e, odd_person(e)))
|| list_transform(listed(json_extract(d.credits, 'crew')), e -> odd('credits.crew', e, odd_person(e)))
|| list_transform(listed(json_extract(d.release_dates, 'results')), e -> odd('release_dates.results', e, coalesce(not_an_object(e), 'release_dates ' || not_a_list(json_extract(e, 'release_dates')))))
|| list_transform(us_releases(json_extract(d.release_dates, 'results')), e -> odd('release_dates.results.release_dates', e, odd_release(e))), o -> o IS NOT NULL)) AS odd
FROM arrived_values;

SELECT DISTINCT 'tmdb' AS source, '{"id":' || tmdb_id || ',' || to_json(odd.path) || ':' || coalesce(CAST(odd.j AS VARCHAR), 'null') || '}' AS original,
       odd.path || ' ' || odd.why || '; the record is kept without it' AS reason
FROM odd_values
UNION ALL
SELECT DISTINCT 'tmdb', '{"id":' || tmdb_id || ',"texts":[' || array_to_string(halved, ',') || ']}',
       'a text has half of a surrogate pair; the record is kept without it'
FROM arrived_values WHERE halved IS NOT NULL
UNION ALL
SELECT DISTINCT 'imdb', CAST(to_json({'tconst': tconst, 'start_year': start_year}) AS VARCHAR),
       'start_year is not in the years from ' || $year_min || ' to ' || $year_max || '; the title is kept without it'
FROM raw.imdb_title_basics SEMI JOIN used_imdb USING (tconst)
WHERE snapshot_id > $since AND NOT coalesce(deleted, false) AND start_year NOT BETWEEN $year_min AND $year_max
UNION ALL
SELECT DISTINCT 'imdb', CAST(to_json({'tconst': tconst, 'runtime_minutes': runtime_minutes}) AS VARCHAR),
       'runtime_minutes is not a number from 1 to 999999; the title is kept without it'
FROM raw.imdb_title_basics SEMI JOIN used_imdb USING (tconst)
WHERE snapshot_id > $since AND NOT coalesce(deleted, false) AND runtime_minutes NOT BETWEEN 0 AND 999999
UNION ALL
SELECT DISTINCT 'movielens', CAST(to_json({'movieId': movielens_id, 'title': title}) AS VARCHAR),
       'title has no year from ' || $year_min || ' to ' || $year_max || '; the movie is kept without it'
FROM raw.movielens_movies
WHERE snapshot_id > $since AND NOT coalesce(deleted, false) AND movielens_year(title) NOT BETWEEN $year_min AND $year_max;
