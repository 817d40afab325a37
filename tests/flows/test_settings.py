"""Settings: environment over file over defaults, and one line for each mistake."""

import os
from pathlib import Path

import pytest

from flows.engine.context import location
from flows.errors import SettingsError
from flows.settings import Settings, load_settings, unknown_environment

SECRET = "s3cret-token-value"


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("REELHOUSE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_environment_wins_over_file_over_defaults(clean, monkeypatch):
    (clean / "reelhouse.toml").write_text('imdb_url = "http://file:1"\nmovielens_url = "http://file:2"\n')
    monkeypatch.setenv("REELHOUSE_IMDB_URL", "http://environment:1/")
    settings = load_settings()
    assert settings.imdb_url == "http://environment:1"
    assert settings.movielens_url == "http://file:2"
    assert settings.tmdb_url == "https://api.themoviedb.org/3"


def test_lists_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("REELHOUSE_MOVIELENS_SETS", "ml-20m-partial, ml-latest-small")
    assert load_settings().movielens_sets == ("ml-20m-partial", "ml-latest-small")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TMDB_REQUESTS_PER_SECOND", "fast", "valid number"),
        ("HOME", "back\\slash", "has a backslash: choose another directory"),
        ("HOME", "line\nbreak", "has a line break or another control character"),
        ("HOME", "latin\udce9", "is not UTF-8"),
        ("TMDB_REQUESTS_PER_SECOND", "0", "greater than 0"),
        ("AIM", "recall", "choose f1, accuracy, or precision:0.9"),
        ("SOURCES", "imdb,netflix", "unknown 'netflix'"),
        ("SOURCES", "", "at least one of"),
        ("TMDB_URL", "not a url", "valid URL"),
        ("POSTER_SIZE", "w186", "w185"),
        ("RETRAIN_FRACTION", "2", "less than or equal to 1"),
        ("RUNNER", "ray", "'threads' or 'dask'"),
        ("EXTENSIONS", "https://example.org/extensions", "install:http://HOST"),
        ("EXTENSIONS", "install:s3://bucket", "install:http://HOST"),
        ("NIGHTLY_CRON", "0 25 * * *", "no cron expression"),
        ("NIGHTLY_CRON", "0 2 * * * *", "no cron expression"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_variable(monkeypatch, name, value, said):
    monkeypatch.setenv(f"REELHOUSE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"REELHOUSE_{name}" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_dask_needs_the_address_of_its_scheduler(monkeypatch):
    monkeypatch.setenv("REELHOUSE_RUNNER", "dask")
    with pytest.raises(SettingsError, match=r"^REELHOUSE_DASK_SCHEDULER: .* tcp://HOST:8786$"):
        load_settings()
    monkeypatch.setenv("REELHOUSE_DASK_SCHEDULER", "tcp://127.0.0.1:8786")
    assert load_settings().dask_scheduler == "tcp://127.0.0.1:8786"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", ""),
        ("files", "{here}/files"),
        ("install", "install"),
        ("install:", "install"),
        ("install:files", "install:{here}/files"),
        ("install:http://127.0.0.1:8000/", "install:http://127.0.0.1:8000"),
    ],
)
def test_extensions_are_a_directory_or_a_repository(clean, monkeypatch, given, meant):
    monkeypatch.setenv("REELHOUSE_EXTENSIONS", given)
    settings = load_settings()
    assert settings.extensions == meant.format(here=clean)
    assert location(settings).extensions == settings.extensions


def test_an_unknown_key_in_the_file_is_refused_with_a_suggestion(clean):
    (clean / "reelhouse.toml").write_text('imbd_url = "http://x"\n')
    with pytest.raises(SettingsError, match=r"unknown setting 'imbd_url'.*did you mean 'imdb_url'"):
        load_settings()


@pytest.mark.parametrize("kind", ["absent", "directory", "pipe"])
def test_a_named_file_that_is_none_is_refused(clean: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    named = clean / "named.toml"
    if kind == "directory":
        named.mkdir()
    elif kind == "pipe":
        os.mkfifo(named)
    monkeypatch.setenv("REELHOUSE_CONFIG", str(named))
    with pytest.raises(SettingsError, match=r"named\.toml cannot be read: (No such file|it is no file)"):
        load_settings()


def test_an_empty_home_is_not_the_working_directory(clean: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REELHOUSE_CONFIG", "")
    (clean / "reelhouse.toml").write_text('home = ""')
    with pytest.raises(SettingsError, match="REELHOUSE_HOME: it is empty: name a directory, or unset it"):
        load_settings()
    monkeypatch.setenv("REELHOUSE_HOME", "")
    with pytest.raises(SettingsError, match="REELHOUSE_HOME: it is empty"):
        load_settings()
    assert load_settings(home=clean).home == clean


def test_a_broken_file_is_one_line(clean):
    (clean / "reelhouse.toml").write_text("tmdb_batch = 50\n", encoding="utf-8-sig")  # as Notepad saves it
    assert load_settings().tmdb_batch == 50
    (clean / "reelhouse.toml").write_bytes("title = 'é'".encode("latin-1"))
    with pytest.raises(SettingsError, match=r"reelhouse.toml cannot be read"):
        load_settings()
    (clean / "reelhouse.toml").write_text("home = \n")
    with pytest.raises(SettingsError, match=r"reelhouse.toml cannot be read"):
        load_settings()


def test_a_misspelt_variable_is_noticed():
    environ = {"REELHOUSE_HOEM": "x", "REELHOUSE_HOME": "y", "REELHOUSE_CONFIG": "z", "PATH": "p"}
    assert unknown_environment(environ) == ["REELHOUSE_HOEM"]


def test_a_missing_token_says_how_to_set_it():
    with pytest.raises(SettingsError, match="REELHOUSE_TMDB_TOKEN"):
        load_settings().require_token()


def test_the_token_is_in_no_representation(monkeypatch):
    monkeypatch.setenv("REELHOUSE_TMDB_TOKEN", SECRET)
    settings = load_settings()
    assert settings.require_token() == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_every_setting_is_described():
    missing = [name for name, field in Settings.model_fields.items() if not field.description]
    assert missing == []


def test_aim_and_threads_reach_the_models(monkeypatch):
    from flows.engine.context import model_settings
    from models import Aim

    monkeypatch.setenv("REELHOUSE_AIM", "precision:0.9")
    monkeypatch.setenv("REELHOUSE_THREADS", "3")
    chosen = model_settings(load_settings())
    assert (chosen.aim, chosen.threads) == (Aim("precision", 0.9), 3)
