"""Every setting of Reelhouse, read once at the edge and passed on.

`REELHOUSE_…` environment variables win over `reelhouse.toml`, which wins over the defaults here.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cronsim import CronSim, CronSimError
from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flows.errors import SettingsError

PREFIX = "REELHOUSE_"
NOT_SETTINGS = {"REELHOUSE_CONFIG"}
Names = Annotated[tuple[str, ...], NoDecode]
Url = Annotated[str, Field(min_length=1)]


def config_file() -> Path:
    """Return the settings file: `$REELHOUSE_CONFIG`, else `reelhouse.toml` in the working directory."""
    return Path(os.environ.get("REELHOUSE_CONFIG") or "reelhouse.toml")


class Settings(BaseSettings):
    """The settings class; each field's description is its documentation."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(
        Path("reelhouse-data"),
        description="Directory of everything that Reelhouse writes, except its notes of request rates.",
    )
    catalog: SecretStr | None = Field(
        None,
        description="A PostgreSQL database for the lake's catalogue, such as `postgresql://USER@HOST/NAME`; "
        "unset: a SQLite file in the home directory.",
    )
    data: Url | None = Field(
        None,
        description="Where the lake's data files lie: `s3://BUCKET/PREFIX`, reached with the `AWS_…` "
        "variables, or a directory; unset: `lake` in the home directory.",
    )
    extensions: str = Field(
        "",
        description="Where DuckDB's extensions come from: a directory of their files; `install` for the "
        "vendor's repository; `install:` and the URL or directory of another one; empty: the PyPI packages.",
    )

    sources: Names = Field(
        ("movielens", "imdb", "tmdb"), description="Sources that a night ingests, separated by commas."
    )
    tmdb_token: SecretStr | None = Field(
        None, description="TMDb API read access token (v4), sent as a Bearer header."
    )
    tmdb_url: Url = Field("https://api.themoviedb.org/3", description="Base URL of TMDb's API.")
    tmdb_export_url: Url = Field(
        "https://files.tmdb.org/p/exports", description="Base URL of TMDb's daily id exports."
    )
    tmdb_requests_per_second: float = Field(
        38.0, gt=0, le=10_000, description="Ceiling for requests to TMDb's API, per second."
    )
    image_requests_per_second: float = Field(
        38.0, gt=0, le=10_000, description="Ceiling for requests to TMDb's image host, per second."
    )
    rate_shared: str = Field(
        "user",
        description="Which homes keep to these ceilings together: `user` for all of this user on this "
        "machine, `off` for each home alone, or a name for the homes that are given it, such as an address.",
    )
    tmdb_batch: int = Field(
        500, ge=1, le=10_000, description="Movies per landed batch: what is lost at most by a crash."
    )
    backfill_chunk: int = Field(
        2_000,
        ge=1,
        le=1_000_000,
        description="Movies of a backfill that are fetched, built and scored before its next ones.",
    )
    poster_size: Literal["w92", "w154", "w185", "w342", "w500", "w780", "original"] = Field(
        "w185", description="Poster size asked of TMDb's image host."
    )
    imdb_url: Url = Field("https://datasets.imdbws.com", description="Base URL of IMDb's data sets.")
    imdb_datasets: Names = Field(
        ("title.basics", "title.ratings", "title.crew"), description="IMDb files to ingest."
    )
    movielens_url: Url = Field(
        "https://files.grouplens.org/datasets/movielens", description="Base URL of MovieLens' data sets."
    )
    movielens_sets: Names = Field(("ml-latest-small",), description="MovieLens sets to ingest, oldest first.")

    text_encoder: str = Field(
        "all-MiniLM-L6-v2", description="sentence-transformers model for overviews: a name or a directory."
    )
    poster_encoder: str = Field(
        "statistics",
        description="Image encoder for posters: `statistics` (no weights: colour, edges, layout), or the "
        "name or directory of a transformers image model.",
    )
    label_sets: Names = Field(("movielens", "tmdb"), description="Label sets to train and score.")
    retrain_days: int = Field(
        7, ge=0, description="Train again so many days after the last training, if anything changed."
    )
    retrain_fraction: float = Field(
        0.05, ge=0, le=1, description="Train again when this share of the labelled movies has changed."
    )
    aim: str = Field(
        "f1", description="What thresholds are chosen for: `f1`, `accuracy`, or at least `precision:0.9`."
    )
    nightly_cron: str = Field(
        "0 9 * * *", description="When the night begins, as cron in UTC; empty: by hand."
    )
    report_cron: str = Field(
        "0 18 * * *", description="When the limits are checked, as cron in UTC; empty: by hand."
    )
    upkeep_cron: str = Field(
        "0 6 * * 0", description="When the lake is compacted, as cron in UTC; empty: by hand."
    )
    backup: Path | None = Field(
        None, description="Directory of the backups that `reelhouse serve` makes; unset: none."
    )
    backup_cron: str = Field(
        "0 4 * * *", description="When the backup is made, as cron in UTC; empty: by hand."
    )
    prefect_port: int = Field(
        4200,
        ge=0,
        le=65535,
        description="Port of the Prefect server of `reelhouse serve`; 0 takes a free one.",
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of metrics and health of `reelhouse serve`; 0 for none."
    )
    host_names: Names = Field(
        (),
        description="Further names by which a proxy or a network reaches the pages of `reelhouse serve`, "
        "beside localhost and loopback addresses.",
    )
    webhook_url: SecretStr | None = Field(
        None, description="Sent a message when a run fails or a limit is breached."
    )
    seed: int = Field(7, ge=0, description="Seed of everything random in training.")
    threads: int = Field(
        0, ge=0, le=1024, description="Threads for training and encoding; 0 takes every core."
    )
    runner: Literal["threads", "dask"] = Field(
        "threads",
        description="Where features and scores are computed: `threads` of this process, or `dask` workers.",
    )
    dask_scheduler: Url | None = Field(
        None,
        validate_default=True,
        description="Address of the scheduler of the Dask cluster that computes, such as "
        "`tcp://127.0.0.1:8786`.",
    )

    @field_validator("sources", "imdb_datasets", "movielens_sets", "label_sets", "host_names", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known(value, ("movielens", "imdb", "tmdb"))

    @field_validator("label_sets")
    @classmethod
    def _known_label_sets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _known(value, ("movielens", "tmdb", "imdb"))

    @field_validator("rate_shared")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", value):
            raise ValueError(f"{value!r} is no name: choose user, off, or letters, digits, dots and dashes")
        return value

    @field_validator("host_names")
    @classmethod
    def _are_host_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
                raise ValueError(f"{name!r} is no host name: give it without scheme, port and path")
        return value

    @field_validator("aim")
    @classmethod
    def _is_aim(cls, value: str) -> str:
        if not re.fullmatch(r"f1|accuracy|precision:(0?\.\d+|1\.0+)", value):
            raise ValueError(f"{value!r} is no aim: choose f1, accuracy, or precision:0.9 and the like")
        return value

    @field_validator("tmdb_url", "tmdb_export_url", "imdb_url", "movielens_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        TypeAdapter(HttpUrl).validate_python(value)
        return value.rstrip("/")

    @field_validator("nightly_cron", "report_cron", "upkeep_cron", "backup_cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        try:
            if value and len(value.split()) != 5:
                raise CronSimError("five fields")
            if value:
                CronSim(value, datetime.now(UTC))
        except CronSimError:
            raise ValueError(
                f"{value!r} is no cron expression: minute hour day month weekday, or nothing"
            ) from None
        return value

    @field_validator("catalog")
    @classmethod
    def _is_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.match(r"postgres(ql)?:", value.get_secret_value()):
            raise ValueError("a catalogue is postgresql://USER@HOST/NAME or postgres:dbname=NAME host=HOST")
        return value

    @field_validator("data")
    @classmethod
    def _is_storage(cls, value: str | None) -> str | None:
        if value and "://" in value and not value.startswith("s3://"):
            raise ValueError("data files lie in s3://BUCKET/PREFIX or in a directory")
        return value

    @field_validator("extensions")
    @classmethod
    def _is_source(cls, value: str) -> str:
        way, _, repository = value.strip().partition(":")
        if way == "install" and (not repository or re.match(r"https?://.", repository)):
            return f"install:{repository.rstrip('/')}" if repository else "install"
        if "://" in value:
            raise ValueError("choose a directory, install, or install:http://HOST for a repository")
        if way == "install":
            return f"install:{Path(repository).expanduser().absolute()}"
        return str(Path(value.strip()).expanduser().absolute()) if value.strip() else ""

    @field_validator("dask_scheduler")
    @classmethod
    def _is_given(cls, value: str | None, others: ValidationInfo) -> str | None:
        if value is None and others.data.get("runner") == "dask":
            raise ValueError("REELHOUSE_RUNNER=dask needs the address of a scheduler: tcp://HOST:8786")
        return value

    @field_validator("home", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if value == "":  # which Python takes for the working directory
            raise ValueError("it is empty: name a directory, or unset it")
        return value

    @field_validator("home", "backup")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("home")
    @classmethod
    def _can_hold_a_lake(cls, value: Path) -> Path:
        from warehouse.location import unusable  # DuckDB: not for those who only import this module

        if reason := unusable(value.resolve()):
            raise ValueError(reason)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of settings in order of rank: overrides, environment, file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _in_file(config_file()))

    def require_token(self) -> str:
        """Return TMDb's token; raises `SettingsError` that says how to set it."""
        if self.tmdb_token is None or not self.tmdb_token.get_secret_value().strip():
            raise SettingsError(
                "TMDb needs a token: set REELHOUSE_TMDB_TOKEN (see themoviedb.org/settings/api), "
                "or leave TMDb out with REELHOUSE_SOURCES=movielens,imdb"
            )
        return self.tmdb_token.get_secret_value().strip()


def _known(value: tuple[str, ...], choices: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if name not in choices:
            raise ValueError(f"unknown {name!r}: choose from {', '.join(choices)}")
    if not value:
        raise ValueError(f"must name at least one of {', '.join(choices)}")
    return tuple(dict.fromkeys(value))


def _in_file(path: Path) -> dict[str, Any]:
    """Return what a settings file holds, which an editor of Windows may begin with a mark.

    There need be none in the working directory; one that `REELHOUSE_CONFIG` names is there, or an OSError.
    """
    if not (os.environ.get("REELHOUSE_CONFIG") or path.exists()):
        return {}
    if path.exists() and not path.is_file() and str(path) != os.devnull:
        raise OSError("it is no file")  # and reading a pipe would wait
    return tomllib.loads(path.read_text("utf-8-sig"))


def load_settings(**overrides: Any) -> Settings:
    """Return the settings in force; `overrides` win over everything. Raises `SettingsError` with one line."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(item) for item in error.errors(include_url=False))) from None
    except (OSError, ValueError) as error:  # tomllib.TOMLDecodeError is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(f"{config_file()} cannot be read: {reason}") from None


def _explain(item: Mapping[str, Any]) -> str:
    name = str(item["loc"][0]) if item["loc"] else "settings"
    if item["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, Settings.model_fields, n=1)
        hint = f": did you mean {close[0]!r}?" if close else ""
        return f"unknown setting {name!r} in {config_file()}{hint}"
    return f"{PREFIX}{name.upper()}: {str(item['msg']).removeprefix('Value error, ')}"


def unknown_environment(environ: Mapping[str, str]) -> list[str]:
    """Return the names of `REELHOUSE_…` variables that no setting reads: probably misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | NOT_SETTINGS
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith("REELHOUSE_TEST_")
    )
