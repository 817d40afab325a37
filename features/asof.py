"""The as-of join in memory: which row of a history holds for each question, by sorting both once."""

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
BITS = 63
"""Of a number of 64, without its sign."""


def held(
    movies: Integers,
    event_times: Integers,
    known_times: Integers,
    asked_movies: Integers,
    asked_times: Integers,
) -> Integers:
    """Return for each question the position of the row that holds, -1 where none does.

    The rows are `movies`, `event_times` and `known_times`, the questions `asked_movies` and `asked_times`;
    times are numbers of one unit. Of a movie's rows whose two times have both come, the one with the greatest
    (event, known) holds. Takes O((rows + questions) log rows), however often a movie is asked for.
    """
    rows, questions = len(movies), len(asked_movies)
    if not rows or not questions:
        return np.full(questions, -1, dtype=np.int64)
    movies, asked_movies = _small(movies, asked_movies)
    bits = rows.bit_length()
    # A row may hold from its moment on. Movie and moment are sorted as one number: the moment as its place
    # among all moments, and a time that is asked for as the number of moments until then.
    moments = np.maximum(event_times, known_times)
    order = np.argsort(moments)
    key = movies << bits
    key[order] += np.arange(rows)
    in_time = np.argsort(key)
    key = key[in_time]
    best = _best(movies[in_time], event_times[in_time], known_times[in_time])

    moments = moments[order]
    order = np.argsort(asked_times)  # what is looked up in order is found faster
    question_key = asked_movies << bits
    question_key[order] += np.searchsorted(moments, asked_times[order], side="right")
    order = np.argsort(question_key)
    question_key = question_key[order]
    last = np.searchsorted(key, question_key) - 1  # -1 is the last row, whose movie is another
    known = key[last] >> bits == question_key >> bits
    known &= last >= 0
    positions = np.empty(questions, dtype=np.int64)
    positions[order] = np.where(known, in_time[best[last]], -1)
    return positions


def _best(movies: Integers, event_times: Integers, known_times: Integers) -> Integers:
    """Return for each row the position of the one with the greatest (event, known) until then, by movie.

    The rows lie in order of movie and moment.
    """
    rows = len(movies)
    here = np.arange(rows)
    later = np.diff(event_times)
    if not np.any(((later < 0) | ((later == 0) & (np.diff(known_times) < 0))) & (np.diff(movies) == 0)):
        return here  # no row came after one that was truer
    # A movie's rows are to have greater numbers than those of the movies before it, and of two the truer one.
    true, known = _places(event_times), _places(known_times)
    bits = rows.bit_length()
    if 3 * bits <= BITS:
        number = (((np.cumsum(np.diff(movies, prepend=movies[0]) != 0) << bits) + true) << bits) + known
    else:
        number = np.empty(rows, dtype=np.int64)
        number[np.lexsort((known, true, movies))] = here
    return np.maximum.accumulate(np.where(number == np.maximum.accumulate(number), here, 0))


def _places(values: Integers) -> Integers:
    """Return the place of each value among the different ones, from 0 on."""
    order = np.argsort(values)
    values = values[order]
    places = np.empty(len(values), dtype=np.int64)
    places[order] = np.cumsum(np.diff(values, prepend=values[0]) != 0)
    return places


def _small(movies: Integers, asked_movies: Integers) -> tuple[Integers, Integers]:
    """Return ids from 0 on, in the same order, that leave room for a row's place beside them."""
    least = min(movies.min(), asked_movies.min())
    span = int(max(movies.max(), asked_movies.max())) - int(least)
    if span.bit_length() + len(movies).bit_length() <= BITS:
        return movies - least, asked_movies - least
    known, small = np.unique(movies, return_inverse=True)
    place = np.searchsorted(known, asked_movies)
    unknown = known[np.minimum(place, len(known) - 1)] != asked_movies
    return small, np.where(unknown, len(known), place)
