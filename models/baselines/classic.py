"""Single estimators of scikit-learn: tree, forest, nearest neighbours, ridge, logistic regression, naive
Bayes.

Documents B and E use them on numbers (B10, E03 to E06), B on word counts of overviews (B28); TF-IDF with
logistic regression is the literature's plain text baseline.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from models.baselines.data import Data
from models.baselines.preprocessing import Scaling
from models.baselines.problem import Problem
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Rule, Scores, judge
from models.baselines.thresholding import fixed
from models.decisions.thresholds import choose
from models.labels import Floats

TREES = 100
"""R's randomForest, which document B used, grows 500: five times the hours for a smoother vote."""

Columns = npt.NDArray[np.intp]
Make = Callable[[int, int], Any]
"""From a random state and a number of threads to an unfitted estimator."""


def varied(y: Floats) -> Columns:
    """Return the genres that some of the movies have and some have not; others cannot be learnt."""
    return np.flatnonzero(y.min(axis=0) != y.max(axis=0))


class PerGenre:
    """A classifier per genre; a genre that all or none of the training movies have keeps that answer."""

    def __init__(self, model: Any) -> None:
        self.model = OneVsRestClassifier(model)

    def fit(self, x: Any, y: Floats) -> "PerGenre":
        """Learn from numbers or sparse counts and `(n, n_genres)` labels."""
        self.columns, self.constant = varied(y), y[0].astype(np.float32)
        self.model.fit(x, y[:, self.columns])
        return self

    def predict_proba(self, x: Any) -> Floats:
        """Return `(n, n_genres) float32`."""
        out = np.repeat(self.constant[None], x.shape[0], axis=0)
        out[:, self.columns] = self.model.predict_proba(x)
        return out


def forest(state: int, threads: int) -> RandomForestClassifier:
    """Return the random forest that the documents' methods are built on."""
    return RandomForestClassifier(TREES, min_samples_leaf=2, random_state=state, n_jobs=threads)


def tree(state: int, threads: int) -> DecisionTreeClassifier:
    """Return a decision tree, ten deep (E03 grew one per genre; scikit-learn's takes all genres at once)."""
    return DecisionTreeClassifier(max_depth=10, min_samples_leaf=5, random_state=state)


def neighbours(state: int, threads: int) -> KNeighborsClassifier:
    """Return E05's classifier: the three nearest by Manhattan distance, weighted by it."""
    return KNeighborsClassifier(3, weights="distance", p=1, n_jobs=threads)


def logistic(state: int, threads: int) -> PerGenre:
    """Return a logistic regression per genre."""
    return PerGenre(LogisticRegression(max_iter=400, random_state=state))


def bayes(state: int, threads: int) -> PerGenre:
    """Return multinomial naive Bayes per genre."""
    return PerGenre(MultinomialNB())


def probabilities(model: Any, x: Any, n_genres: int) -> Floats:
    """Return `(n, n_genres) float32` from any of scikit-learn's forms.

    A genre with one class gets that class.
    """
    given = model.predict_proba(x)
    if not isinstance(given, list):
        return np.asarray(given, np.float32)
    out = np.zeros((len(given[0]), n_genres), np.float32)
    for genre, part in enumerate(given):
        classes = list(model.classes_[genre])
        out[:, genre] = part[:, classes.index(1)] if 1 in classes else 0
    return out


def on_numbers(
    name: str, make: Make, rule: Rule | None = None, *, scored_on_chosen: str = "validation", share: str = ""
) -> Run:
    """Return a run of an estimator over a problem's standardised numbers."""

    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(name)
        rows = problem.rows("train")
        x = Scaling.fit(problem.numbers[rows]).apply(problem.numbers)
        model = make(int(rng.integers(2**31)), data.threads).fit(x[rows], problem.y[rows].astype(int))
        p = probabilities(model, x, problem.y.shape[1])
        note = importances(model, problem) if share else ""
        return judge(problem, p, rule or fixed(0.5), scored_on_chosen=scored_on_chosen, note=note)

    return run


def importances(model: Any, problem: Problem) -> str:
    """Return a forest's importances in words, the largest first (B06)."""
    ranked = sorted(zip(model.feature_importances_, problem.number_names, strict=True), reverse=True)
    return "importances: " + ", ".join(f"{name} {value:.3f}" for value, name in ranked)


def _ridge(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
    """Run E06: ridge (alpha 10), a softmax over the genres, a cut of .03."""
    problem = data.problem("E")
    rows = problem.rows("train")
    x = Scaling.fit(problem.numbers[rows]).apply(problem.numbers)
    scores = Ridge(alpha=10).fit(x[rows], problem.y[rows]).predict(x)
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = (share / share.sum(axis=1, keepdims=True)).astype(np.float32)
    note = "the cut of .03 suits 39 genres; a softmax over fewer gives each a larger share"
    return judge(problem, p, ridge_cut(problem.y.shape[1]), scored_on_chosen="test", note=note)


def ridge_cut(n_genres: int) -> Rule:
    """Return E06's cut, .03 at 39 genres, carried over to another number of them.

    It is 1.17 times an equal share.
    """
    return fixed(0.03 * 39 / n_genres)


def on_overviews(name: str, words: Callable[[], Any], make: Make, rule: Rule | None = None) -> Run:
    """Return a run of an estimator over what `words` makes of the overviews."""

    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(name)
        rows = problem.rows("train")
        vectorizer = words()
        texts = np.array(problem.overviews, dtype=object)
        x_train = vectorizer.fit_transform(texts[rows])
        model = make(int(rng.integers(2**31)), data.threads).fit(x_train, problem.y[rows].astype(int))
        p = probabilities(model, vectorizer.transform(texts), problem.y.shape[1])
        return judge(problem, p, rule or fixed(0.5))

    return run


def bigrams() -> CountVectorizer:
    """Return B28's counts of words and pairs.

    There is no stemming and no stop words. A word has at least three movies; at most 5,000 words are kept.
    """
    return CountVectorizer(ngram_range=(1, 2), min_df=3, max_features=5_000)


def tfidf() -> TfidfVectorizer:
    """Return words weighted by rarity."""
    return TfidfVectorizer(sublinear_tf=True, min_df=3, max_features=20_000, stop_words="english")


class Latent:
    """100 latent dimensions of the weighted words (as many as there are words, if fewer), for doc2vec."""

    def __init__(self) -> None:
        self.words = tfidf()

    def fit_transform(self, texts: npt.NDArray[np.object_]) -> Floats:
        """Learn from texts and return their `(n, dimensions)`."""
        counts = self.words.fit_transform(texts)
        self.svd = TruncatedSVD(min(100, counts.shape[1]), random_state=0)
        return np.asarray(self.svd.fit_transform(counts))

    def transform(self, texts: npt.NDArray[np.object_]) -> Floats:
        """Return `(n, dimensions)` of other texts."""
        return np.asarray(self.svd.transform(self.words.transform(texts)))


_STAND_IN = "latent semantic analysis stands in for doc2vec, which no library kept here has"
SYSTEMS = (
    System("B10", "random forest, native", "B", "classic", "B", on_numbers("B", forest, share="B06")),
    System("B28 RF", "overview word pairs, forest", "B", "classic", "B overviews",
           on_overviews("B overviews", bigrams, forest)),
    System("B28 NB", "overview word pairs, naive Bayes", "B", "classic", "B overviews",
           on_overviews("B overviews", bigrams, bayes)),
    System("B28 d2v", "overview vectors, forest", "B", "classic", "B overviews",
           on_overviews("B overviews", Latent, forest), _STAND_IN),
    System("E03", "decision tree", "E", "classic", "E", on_numbers("E", tree, scored_on_chosen="test")),
    System("E04", "random forest", "E", "classic", "E", on_numbers("E", forest, scored_on_chosen="test")),
    System("E05", "3 neighbours", "E", "classic", "E", on_numbers("E", neighbours, scored_on_chosen="test")),
    System("E06", "ridge, softmax, cut .03", "E", "classic", "E", _ridge),
    System("L2", "TF-IDF, logistic regression", "L", "classic", "B overviews",
           on_overviews("B overviews", tfidf, logistic, choose), "thresholds for F1"),
    System("L1", "logistic regression on numbers", "L", "classic", "B", on_numbers("B", logistic)),
)  # fmt: skip
