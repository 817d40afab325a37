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
    "B23": "metrics hamming_loss, jaccard, exact_match, with worked examples as tests",
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
    "A03": "Posters by era",
    "A04": "Movies per year of release; Original languages",
    "A06": "Genres at; of all labels",
    "A12": "Right and wrong; tags:",
    "A32": "Training curves",
    "A33": "Leaderboard; accuracy",
    "A35": "Right and wrong",
    "A36": "Why each has its stage",
    "B04": "Genres at",
    "B24": "Leaderboard",
    "B25": "Genres that go together; Given by the source; Predicted probabilities",
    "B26": "Representative posters",
    "B27": "ROC; Genre by genre",
    "B29": "Genres over time; Genres by country; Directors",
    "C09": "Genres at; of all labels",
    "C10": "Precision and recall; Over-predicted genres",
    "C11": "Right and wrong; surest of",
    "D13": "Directors; Genres at",
    "E13": "Leaderboard; accuracy; F1 movies",
    "E14": "Right and wrong",
}
"""Rows that are figures and tables of the nightly report, by words that stand on the page."""

ALIASES: Mapping[str, str] = {
    "B01": "IMDb-5000 was explored and left: B29 asks its questions of all movies held",
    "B31": "future work: per-genre thresholds (B22, A25), the unfrozen block (B20)",
    "A37": "future work: bottlenecks (A16 to A20), the unfrozen block (B20), label correlation (B12 to B15)",
}
"""Rows that are named by other rows."""

NOT_HERE: Mapping[str, str] = {
    "A13": "the Tag Genome's scores are not in the sets that are ingested here, nor in the document's models",
    "A17": "InceptionV3's weights cannot be had here: set REELHOUSE_POSTER_ENCODER to them, and A16 is it",
    "A19": "InceptionV3's weights cannot be had here: set REELHOUSE_POSTER_ENCODER to them, and A20 is it",
    "B02": "the thousand most popular per genre of that year cannot be had: the warehouse's stand in",
    "C01": "its widths are not published: C06 has its input, layers and dropouts, not its 3,464,601 weights",
    "C02": "dropout between time steps has no fast form in torch: C07 has all else and as many weights",
    "C08": "another student's run of C06 and C07",
    "E01": "the CMU corpus cannot be had here: overviews stand in for plots, all sources' genres for its 39",
    "E15": "actors' ages and genders are told by no source here; its plots by year and genre are reported",
}  # fmt: skip
"""Rows that cannot be run here, with the reason."""

NOTES: Mapping[str, str] = {
    "B17": "4 epochs on 48 x 48 pixels",
    "B20": "15 epochs of the head, then 3 with the last block",
    "B21": "15 epochs of the head, then 3 with the last block",
    "C06": "10 epochs at a rate of 1e-3; the document ran 40 at 1e-4",
    "C07": "on the first 48 words of each overview",
    "C12": "10 epochs at a rate of 1e-3; the document ran 40 at 1e-4",
}
"""What a row's systems do less of than their document, to keep the comparison within its hour."""

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
