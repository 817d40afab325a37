"""`reelhouse mirror`: serve a catalogue and print the settings that point the connectors at it."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from connectors.mirror import Catalogue, DirectoryCatalogue, Mirror, SyntheticCatalogue, run
from flows.serving.same_origin import SameOrigin

LISTENING = "# the mirror listens on"


def exports(env: Mapping[str, str]) -> str:
    """Return shell lines that set these variables."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in env.items())


def _announce(mirror: Mirror) -> None:
    print(exports(mirror.env()))
    print(f"{LISTENING} {mirror.url}; Ctrl-C stops it", flush=True)


def serve_mirror(directory: Path | None, *, port: int, movies: int, seed: int, day: int) -> None:
    """Serve until interrupted; the export lines go to standard output once the port listens.

    A page in a browser of this machine can neither read the records nor move the mirror's clock.
    """
    catalogue: Catalogue
    if directory is None:
        catalogue = SyntheticCatalogue(movies=movies, seed=seed, day=day)
    else:
        catalogue = DirectoryCatalogue(directory)
        if day:
            catalogue.advance(day)
    run(catalogue, port=port, guard=SameOrigin, on_listening=_announce)
