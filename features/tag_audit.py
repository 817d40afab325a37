"""Looks for tags that give a genre away: how well each tag alone predicts each genre."""

import numpy as np
import pyarrow as pa

from features.matrix import Column, bag, vocabulary


def strongest_tags(tags: Column, genres: Column, *, min_movies: int = 5, top: int = 100) -> pa.Table:
    """Return the tags that predict a genre best on their own, strongest first, for a person to read.

    `tags` and `genres` are list columns of the same movies; movies without a genre are left out.

    Columns: `tag`, `genre`, `movies` (that have the tag), `precision` (share of them with the genre), `lift`
    (precision over the genre's share of all) and `strength`, the standardised excess ``(precision - share) /
    sqrt(share (1 - share) / movies)``. A leak has a high precision on many movies and reads like the genre.
    """
    labels = bag(genres, None, vocabulary(genres)).astype(np.float64)
    labelled = np.flatnonzero(np.diff(labels.indptr))
    words = vocabulary(tags, min_rows=min_movies)
    has = bag(tags, None, words).astype(np.float64)[labelled]
    labels = labels[labelled]
    names = vocabulary(genres)
    movies = np.asarray(has.sum(axis=0)).ravel()
    share = np.asarray(labels.mean(axis=0)).ravel()
    precision = (has.T @ labels).toarray() / np.maximum(movies, 1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        strength = (precision - share) / np.sqrt(share * (1 - share) / movies[:, None])
    strength = np.where((movies >= min_movies)[:, None], np.nan_to_num(strength, posinf=0.0), 0.0)
    order = np.argsort(-strength, axis=None, kind="stable")[:top]
    tag, genre = np.unravel_index(order, strength.shape)
    keep = strength[tag, genre] > 0
    tag, genre = tag[keep], genre[keep]
    return pa.table(
        {
            "tag": [words[i] for i in tag],
            "genre": [names[i] for i in genre],
            "movies": movies[tag].astype(np.int64),
            "precision": precision[tag, genre],
            "lift": precision[tag, genre] / share[genre],
            "strength": strength[tag, genre],
        }
    )
