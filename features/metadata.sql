-- Inputs of the metadata view; `wanted` is put in front by the store. Genres of any source are labels and are not read.
WITH people AS (
    SELECT movie_id,
           list_sort(list(DISTINCT job || ':' || person_id)) AS people,
           count(DISTINCT person_id) FILTER (job = 'director') AS directors,
           count(DISTINCT person_id) FILTER (job = 'writer') AS writers,
           count(DISTINCT person_id) FILTER (job = 'actor') AS actors
    FROM core.movie_people SEMI JOIN wanted USING (movie_id)
    WHERE job IN ('director', 'writer') OR (job = 'actor' AND position < 10)
    GROUP BY movie_id
), companies AS (
    SELECT movie_id, list_sort(list(DISTINCT company)) AS companies
    FROM core.movie_companies SEMI JOIN wanted USING (movie_id) WHERE company IS NOT NULL GROUP BY movie_id
), countries AS (
    SELECT movie_id, list_sort(list(DISTINCT country)) AS countries
    FROM core.movie_countries SEMI JOIN wanted USING (movie_id) WHERE country IS NOT NULL GROUP BY movie_id
), languages AS (
    SELECT movie_id, list_sort(list(DISTINCT language)) AS languages
    FROM core.movie_languages SEMI JOIN wanted USING (movie_id) WHERE language IS NOT NULL GROUP BY movie_id
), movies AS (
    SELECT *, coalesce(year, extract(year FROM release_date)) AS released,
           extract(month FROM release_date) AS month_of
    FROM core.movies SEMI JOIN wanted USING (movie_id)
)
SELECT movie_id,
       released::INTEGER AS year, (released // 10 * 10)::INTEGER AS decade,
       month_of::INTEGER AS month, isodow(release_date)::INTEGER AS weekday, runtime_minutes,
       ln(nullif(budget_usd, 0)) AS log_budget, ln(nullif(revenue_usd, 0)) AS log_revenue,
       ln(nullif(revenue_usd, 0)) - ln(nullif(budget_usd, 0)) AS log_return, popularity,
       CASE WHEN tmdb_vote_count > 0 THEN tmdb_vote_average END AS tmdb_vote_average,
       tmdb_vote_count, ln(1 + tmdb_vote_count) AS log_tmdb_votes,
       imdb_rating, imdb_votes, ln(1 + imdb_votes) AS log_imdb_votes,
       nullif(directors, 0)::INTEGER AS n_directors, nullif(writers, 0)::INTEGER AS n_writers,
       nullif(actors, 0)::INTEGER AS n_actors, len(companies)::INTEGER AS n_companies,
       len(countries)::INTEGER AS n_countries, len(languages)::INTEGER AS n_languages,
       length(title)::INTEGER AS title_length, len(string_split(trim(title), ' '))::INTEGER AS title_words,
       regexp_matches(title, '[0-9]') AS title_has_digit,
       original_title IS DISTINCT FROM title AND original_title IS NOT NULL AS title_translated,
       collection_id IS NOT NULL AS in_collection, adult,
       CASE WHEN month_of IN (12, 1, 2) THEN 'winter' WHEN month_of <= 5 THEN 'spring'
            WHEN month_of <= 8 THEN 'summer' WHEN month_of <= 11 THEN 'autumn' END AS season,
       original_language AS language, certification, collection,
       coalesce(countries, []) AS countries, coalesce(languages, []) AS languages,
       coalesce(companies, []) AS companies, coalesce(people, []) AS people
FROM movies
LEFT JOIN people USING (movie_id) LEFT JOIN companies USING (movie_id)
LEFT JOIN countries USING (movie_id) LEFT JOIN languages USING (movie_id)
WHERE coalesce(released, runtime_minutes, popularity, tmdb_vote_count, imdb_votes, budget_usd, revenue_usd,
               imdb_rating, collection_id) IS NOT NULL
   OR coalesce(original_language, certification) IS NOT NULL
   OR people IS NOT NULL OR companies IS NOT NULL OR countries IS NOT NULL
