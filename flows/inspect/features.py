"""The feature store at the command line: `features list`, `show`, `drop`, `audit` and `build --plan`."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import json
from dataclasses import asdict
from typing import Any

import pyarrow.compute as pc

from features import FeatureView, Outlook, drop_version, latest, outlook, strongest_tags, versions
from features.metadata import MADE_FROM
from flows.engine.console import Reporter
from flows.engine.context import feature_settings, feature_views, location
from flows.engine.locks import in_turn
from flows.engine.step import features_lock
from flows.engine.terminal import print_line
from flows.errors import FlowError
from flows.settings import Settings
from warehouse import Warehouse, lake_lock
from warehouse.live import LIVE_MOVIES

_LONG = 100  # characters of a definition's part that are shown


def list_views(settings: Settings, as_json: bool) -> None:
    """Print every registered version of every view, and which of them these settings build."""
    current = {name: view.version for name, view in feature_views(settings).items()}
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        rows = versions(warehouse).to_pylist()
        bound = _bound(warehouse)
    entries = [
        {
            "view": row["view"],
            "version": row["view_version"],
            "state": _state(row, current),
            "registered_at": row["registered_at"].isoformat(),
            "rows": row["rows"],
            "movies": row["movies"],
            "models": bound.get((row["view"], row["view_version"]), []),
        }
        for row in rows
    ]
    if as_json:
        print(json.dumps(entries, indent=1))
        return
    print_line(
        f"{'view':<10}{'version':<14}{'state':<10}{'registered':<18}{'rows':>10}{'movies':>10}{'models':>8}"
    )
    for row in entries:
        when = row["registered_at"][:16].replace("T", " ")
        print_line(
            f"{row['view']:<10}{row['version']:<14}{row['state']:<10}{when:<18}"
            f"{row['rows']:>10,}{row['movies']:>10,}{len(row['models']):>8}"
        )
    for name, version in current.items():
        if not any(row["view"] == name and row["version"] == version for row in entries):
            print_line(
                f"{name:<10}{version:<14}not built yet: `reelhouse features show {name}` says what it takes"
            )


def _state(row: dict[str, Any], current: dict[str, str]) -> str:
    if row["dropped_at"]:
        return "dropped"
    return "current" if current.get(row["view"]) == row["view_version"] else "old"


def show_view(settings: Settings, name: str, as_json: bool) -> None:
    """Print a view's definition, how many movies it covers, and what a build would compute, and why."""
    view = feature_views(settings)[name]
    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking(name):
        rows = [row for row in versions(warehouse).to_pylist() if row["view"] == name]
        movies = warehouse.scalar(f"SELECT count(*) FROM {LIVE_MOVIES}")
        coming = outlook(warehouse, view)
    built = next((row for row in rows if row["view_version"] == view.version and not row["dropped_at"]), None)
    before = next((row for row in reversed(rows) if row["view_version"] != view.version), None)
    definition = json.loads(view.definition())
    changed = _differences(json.loads(before["definition"]), definition) if before and not built else []
    covered = built["movies"] if built else 0
    if as_json:
        print(json.dumps({
            "view": name, "version": view.version, "definition": definition, "movies": movies,
            "covered": covered, "to_compute": coming.to_compute, "to_remove": coming.to_remove,
            "fresh": coming.fresh, "changed": changed,
        }, indent=1))  # fmt: skip
        return
    print_line(f"{name} {view.version}: {view.comment}")
    print_line(
        f"coverage     {covered:,} of {movies:,} movies{f' ({covered / movies:.1%})' if movies else ''}"
    )
    print_line(f"a build      {_told(coming)}")
    if before and not built:
        print_line(
            f"new version  {before['view_version']} differs in {', '.join(changed)}; its {before['rows']:,} "
            "rows stay readable until it is dropped; models trained on it have to be trained again"
        )
    print_line(f"revision     {definition['revision']}")
    for part, value in definition["parameters"].items():
        text = json.dumps(value, ensure_ascii=False)
        print_line(f"{part:<13}{text if len(text) <= _LONG else text[:_LONG] + '…'}")
    print_line("columns      " + ", ".join(f"{column.name} {column.type}" for column in view.columns))
    print_line(f"inputs       {definition['inputs']}")


_SOURCES = "SELECT to_json(movies)::VARCHAR AS movie FROM core.movies AS movies WHERE movie_id = ?"
_CREDITS = "SELECT DISTINCT source FROM core.movie_people WHERE movie_id = ? ORDER BY source"
_CREDITED = frozenset({"people", "n_directors", "n_writers", "n_actors"})
_TMDB_LISTS = frozenset({"companies", "countries", "languages", "n_companies", "n_countries", "n_languages"})


def show_movie(settings: Settings, name: str, text: str, as_json: bool) -> None:
    """Print a movie's row of a view: each value, and the source of it or of what it is made from."""
    from flows.inspect.models import find_movie

    view = feature_views(settings)[name]
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        if not warehouse.table_counts().get(f"features.{name}"):
            raise FlowError(f"{name} was not built yet: run `reelhouse features {name}`")
        movie_id, title = find_movie(warehouse, text)
        rows = latest(warehouse, view, [movie_id]).to_pylist()
        movie = json.loads(warehouse.query(_SOURCES, [movie_id])["movie"][0].as_py())
        credited = warehouse.query(_CREDITS, [movie_id])["source"].to_pylist()
    if not rows:
        raise FlowError(f"{title} has no {name}, or it was not built yet: run `reelhouse features {name}`")
    given = json.loads(movie["sources"] or "{}")
    values = [
        {"column": column.name, "value": rows[0][column.name], **_origin(column.name, movie, given, credited)}
        for column in view.columns
    ]
    if as_json:
        row = {key: rows[0][key] for key in ("event_time", "known_time", "input_hash")}
        print(json.dumps({"movie_id": movie_id, "title": title, "view": name, "version": view.version, **row,
                          "values": values}, indent=1, ensure_ascii=False, default=str))  # fmt: skip
        return
    print_line(f"{title}, movie {movie_id}, {name} {view.version}")
    print_line(
        f"true since {rows[0]['event_time']:%Y-%m-%d %H:%M}, known {rows[0]['known_time']:%Y-%m-%d %H:%M} UTC"
    )
    for each in values:
        value = "" if each["value"] is None else json.dumps(each["value"], ensure_ascii=False, default=str)
        made = f" from {each['core']} {each['given']}" if each["core"] not in (None, each["column"]) else ""
        origin = f"  ({each['source']}{made})" if each["source"] and value else ""
        print_line(f"  {each['column']:<19}{value if len(value) <= _LONG else value[:_LONG] + '…'}{origin}")


def _origin(column: str, movie: dict[str, Any], given: dict[str, str], credited: list[str]) -> dict[str, Any]:
    """Return where a feature's value comes from.

    `core` is the column of core.movies that it is made from, `given` that column's value, and `source` whose
    value it is.
    """
    core = MADE_FROM.get(column, column)
    if column in _CREDITED:
        return {"core": None, "given": None, "source": ", ".join(credited) or None}
    if column in _TMDB_LISTS:
        return {"core": None, "given": None, "source": "tmdb"}
    return {"core": core if core in movie else None, "given": movie.get(core), "source": given.get(core)}


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return the parts of two definitions that differ, such as `revision` or `parameters.encoder`."""
    differences = []
    for part in sorted({*old, *new}):
        old_value, new_value = old.get(part), new.get(part)
        if old_value == new_value:
            continue
        if isinstance(old_value, dict) and isinstance(new_value, dict):
            differences += [
                f"{part}.{key}"
                for key in sorted({*old_value, *new_value})
                if old_value.get(key) != new_value.get(key)
            ]
        else:
            differences.append(part)
    return differences


def plan_views(settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Print what bringing the views up to date would compute; write nothing and load no encoder."""
    outlooks: dict[str, Outlook] = {}
    views: dict[str, FeatureView] = {
        name: view for name, view in feature_views(settings).items() if not names or name in names
    }
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        for name, view in views.items():
            with Reporter().ticking(name):
                outlooks[name] = outlook(warehouse, view)
    if as_json:
        plans = {name: {"version": views[name].version, **asdict(plan)} for name, plan in outlooks.items()}
        print(json.dumps(plans, indent=1))
        return
    for name, plan in outlooks.items():
        print_line(f"{name:<10}{views[name].version:<14}{_told(plan)}")


def _told(plan: Outlook) -> str:
    text = f"computes {plan.to_compute:,} movies; {plan.fresh:,} are fresh"
    return f"{text}; {plan.to_remove:,} lost it and are marked" if plan.to_remove else text


def learn_view(settings: Settings, as_json: bool) -> None:
    """Learn the directions of the taste view and write them where the next build finds them."""
    from features.taste import Taste, learn_taste

    path = feature_settings(settings).taste_file
    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking("taste"):
        dataset, users = learn_taste(warehouse, path)
    version = Taste(path).version
    if as_json:
        print(json.dumps({"view": "taste", "version": version, "dataset": dataset, "users": users}))
        return
    print_line(
        f"learnt from {users:,} users of {dataset}: taste {version}; `reelhouse features taste` builds it"
    )


def drop_view(settings: Settings, name: str, version: str, *, force: bool) -> None:
    """Delete a version's rows; refuse one that a registered model was trained on, unless forced."""
    view = feature_views(settings)[name]
    place, building = location(settings), features_lock(name)

    def waiting(holder: str) -> None:
        Reporter().line(f"  waits for a run that builds {name} ({holder}); Ctrl-C ends the wait")

    with (
        Warehouse.open(place) as warehouse,
        in_turn(settings.home, building, waiting),
        lake_lock.among_machines(place, building, waiting),
    ):
        models = _bound(warehouse).get((name, version), [])
        if models and not force:
            raise FlowError(
                f"{name} {version} is what {len(models)} registered models were trained on, such as "
                f"{models[0]}: they could not score any more; --force drops it all the same"
            )
        rows = drop_version(warehouse, view, version)
    print_line(f"dropped {name} {version}: {rows:,} rows; older snapshots hold them until they expire")
    if version == view.version:
        print_line(f"it is the version in force: the next night computes {name} anew")


def _bound(warehouse: Warehouse) -> dict[tuple[str, str], list[str]]:
    """Return the registered models by the (view, version) that they were trained on, champions first."""
    from models import entries

    labels_by_version: dict[tuple[str, str], list[str]] = {}
    for entry in sorted(entries(warehouse), key=lambda entry: entry.stage != "champion"):
        for bound in entry.views.items():
            label = f"{entry.label_set} {entry.model} {entry.model_version} ({entry.stage})"
            labels_by_version.setdefault(bound, []).append(label)
    return labels_by_version


def audit_tags(settings: Settings, source: str, top: int, as_json: bool) -> None:
    """Print the tags left after leaks are removed, by how well each alone predicts a genre of that source."""
    view = feature_views(settings)["tags"]
    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking("audit"):
        tags = latest(warehouse, view)
        genres = warehouse.query(
            "SELECT movie_id, list(genre ORDER BY genre) AS genres FROM core.movie_genres WHERE source = ? "
            "GROUP BY movie_id",
            [source],
        )
    place = pc.index_in(tags["movie_id"], genres["movie_id"].combine_chunks())
    both = tags.append_column("genres", genres["genres"].take(place)).filter(pc.is_valid(place))
    if not both.num_rows:
        raise FlowError(f"no movie has both tags and genres of {source}: run `reelhouse nightly` first")
    rows = strongest_tags(both["tags"], both["genres"], top=top).to_pylist()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    print_line(f"{'tag':<32}{'genre':<18}{'movies':>8}{'precision':>11}{'lift':>8}{'strength':>10}")
    for row in rows:
        print_line(
            f"{row['tag'][:31]:<32}{row['genre']:<18}{row['movies']:>8,}{row['precision']:>11.2f}"
            f"{row['lift']:>8.1f}{row['strength']:>10.1f}"
        )


def ablate_leaks(settings: Settings, label_set: str, as_json: bool) -> None:
    """Print the AUC of a quick model of tags, with and without the tags that name genres."""
    import numpy as np

    from models.experiments.ablation import leak_ablation

    with Warehouse.open(location(settings), read_only=True) as warehouse, Reporter().ticking("ablation"):
        table = leak_ablation(warehouse, label_set)
    means = {name: float(np.nanmean(table[name].to_numpy())) for name in ("with_leaks", "without_leaks")}
    rows = table.to_pylist()
    if as_json:
        print(json.dumps({"label_set": label_set, **means}, indent=1))
        return
    print_line(f"{'genre':<18}{'test movies':>12}{'with leaks':>12}{'without':>10}{'gained':>9}")
    for row in [*rows, {"genre": "mean AUC", "movies": "", **means}]:
        with_leaks, without_leaks = row["with_leaks"], row["without_leaks"]
        print_line(
            f"{row['genre']:<18}{row['movies']:>12}{with_leaks:>12.3f}{without_leaks:>10.3f}"
            f"{with_leaks - without_leaks:>+9.3f}"
        )
