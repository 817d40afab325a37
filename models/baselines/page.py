"""Every row of the five documents, and where it is to be found here.

Systems are measured rows of the comparison. Steps, metrics and analyses name the function or the part of the
nightly report that does them. What cannot be had is said with its reason.
"""

from collections.abc import Mapping

STEPS: Mapping[str, str] = {
    "A01": "connectors.movielens: movies, links, tags, and the tags' users",
    "A02": "connectors.tmdb and connectors.posters: details, posters, a cache by content",
    "A05": "preprocessing.english_since",
    "A07": "preprocessing.genre_floor; the comparison keeps the document's own eight genres",
    "A08": "preprocessing.plain_tag",
    "A09": "preprocessing.TagRules: no tag that equals a genre's name",
    "A10": "preprocessing.TagRules: the 400 most frequent",
    "A11": "preprocessing.TagRules: applied at least twice",
    "A14": "preprocessing.TagRules.bag",
    "A15": "posters.read_pixels, and each image network's own preprocessing in features.image_models",
    "A22": "A16 and A18 beside A20",
    "A23": "metric auc",
    "A24": "metric hamming_loss",
    "A25": "thresholding.accuracy_optimal; metric accuracy",
    "A28": "the project's split by movie, 81/10/9 as the document's turned out to be",
    "A29": "networks.train: shuffled batches of 20",
    "A30": "preprocessing.augment, off in document A's systems as in its code; on in C12",
    "A31": "networks.train: checks during an epoch, the best weights kept",
    "A34": "any poster encoder by name: backbones",
    "A38": "ingest, features, compare: cached stages",
    "B03": "warehouse.conform: TMDb and IMDb rows joined by IMDb id",
    "B05": "the project's split by movie, 80/10/10",
    "B06": "data.NUMBERS; the forest's importances stand in B10's note",
    "B23": "metrics hamming_loss, jaccard, exact_match, with the document's worked examples as tests",
    "B30": "B18 and B19: curves in the JSON output",
    "B32": "multilabel, eps, homer: the defaults of utiml",
    "C03": "the project's split by movie; batches of 64",
    "C04": "metrics micro_precision and micro_recall at 0.5",
    "C05": "networks.train: the weights of the lowest validation loss; keras_course.rate_factor",
    "C13": "training curves in the JSON output",
    "D01": "uvg.read: the document's cleaned files",
    "D02": "preprocessing.anova, chi_square, correlation",
    "D03": "uvg.NUMBERS; preprocessing.Scaling",
    "D04": "uvg.read: one column per genre, the parse artefact among them",
    "D05": "preprocessing.balanced_sample: gives the document's balanced file",
    "D06": "uvg: 80/20, seed 1234 (numpy's generator, not Julia's)",
    "D11": "training curves in the JSON output",
    "E02": "data.E_NUMBERS and plots.measure: themes and sentiment of the plot",
    "E10": "metrics samples_f1, samples_precision, samples_recall, accuracy",
    "E12": "epfl.adamw; training curves in the JSON output",
    "E16": "a docstring at each model",
}
"""Rows that are steps, metrics or settings, and what does them."""

REPORT: Mapping[str, str] = {
    "A03": "posters by era",
    "A04": "movies per year and per language",
    "A06": "genre counts",
    "A12": "tags of example movies",
    "A32": "training curves",
    "A33": "leaderboard",
    "A35": "example predictions with posters",
    "A36": "paired bootstrap beside every comparison",
    "B04": "genre prevalence",
    "B24": "leaderboard",
    "B25": "genre correlation, true beside predicted",
    "B26": "most representative movies per genre",
    "B27": "ROC per genre",
    "C09": "genre counts",
    "C10": "precision and recall per genre; over-predicted genres",
    "C11": "example predictions",
    "D13": "genre counts",
    "E13": "leaderboard",
    "E14": "example predictions",
}
"""Rows that are figures and tables of the nightly report."""

ALIASES: Mapping[str, str] = {
    "B31": "future work: per-genre thresholds (B22, A25), the unfrozen block (B20)",
    "A37": "future work: bottlenecks (A16 to A20), the unfrozen block (B20), label correlation (B12 to B15)",
}
"""Rows that are named by other rows."""

NOT_HERE: Mapping[str, str] = {
    "A13": "the Tag Genome's scores are not in the sets that are ingested here, nor in the document's models",
    "A17": "InceptionV3's weights cannot be had here: set REELHOUSE_POSTER_ENCODER to them, and A16 is it",
    "A19": "InceptionV3's weights cannot be had here: set REELHOUSE_POSTER_ENCODER to them, and A20 is it",
    "B01": "an exploration of IMDb-5000, which the document then left",
    "B02": "the thousand most popular per genre of that year cannot be had: the warehouse's stand in",
    "B29": "plots of IMDb-5000 by country and director, which the document then left",
    "C01": "its widths are not published: C06 has its input, layers and dropouts, not its 3,464,601 weights",
    "C02": "dropout between time steps has no fast form in torch: C07 has all else and as many weights",
    "C08": "another student's run of C06 and C07",
    "E01": "the CMU corpus cannot be had here: overviews stand in for plots, all sources' genres for its 39",
    "E15": "a story's illustrations, many on actors' ages and genders, which no source here tells",
}  # fmt: skip
"""Rows that cannot be run here, with the reason."""

LITERATURE: Mapping[str, str] = {
    "2.1": "MM-IMDb (plots and posters under its own split) cannot be had here",
    "2.2": "plot collections of up to 250,000 texts cannot be had here; their plainest method is L2",
    "2.3": "those papers' posters cannot be had here; ML-kNN is L3, frozen networks are A16 and B16",
    "2.4": "trailers, soundtracks and subtitles cannot be had here",
}
"""The tables of the highest published results, measured on data of their own; 2.5 is measured here, as L4."""

ROWS: tuple[str, ...] = tuple(
    f"{letter}{number:02}"
    for letter, last in (("A", 38), ("B", 32), ("C", 13), ("D", 13), ("E", 16))
    for number in range(1, last + 1)
)
"""Every row of the five documents."""
