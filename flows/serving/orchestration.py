"""Choosing how a night is run: as a Prefect flow, or by this process alone."""

import atexit
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from flows.engine.console import Reporter
from flows.engine.prefect_api import require_access, running_server, same_server
from flows.engine.run import Outcome, run_steps
from flows.serving.home_secret import home_secret
from flows.serving.prefect_server import PrefectServer
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps


def prefect_environment(home: Path) -> None:
    """Set Prefect's environment before its import: its files under `home`, no telemetry, a quiet console.

    What the user has set stays: a `PREFECT_API_URL` sends the runs to that server. The home's secret goes to
    the home's own server only.
    """
    (home / "prefect").mkdir(parents=True, exist_ok=True)
    defaults = {
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",  # such a server would answer anybody
        # What is older than 90 days goes, so that its database stays small.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the reporter speaks; the API keeps the logs
    }
    url = running_server(home)  # of `reelhouse serve`: two servers cannot share one database
    if url is not None:
        defaults["PREFECT_API_URL"] = url
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    if url is not None and same_server(os.environ["PREFECT_API_URL"], url):
        os.environ["PREFECT_API_AUTH_STRING"] = home_secret(home)


def run_nightly(settings: Settings, reporter: Reporter, *, local: bool = False) -> Outcome:
    """Run one night and return its outcome: under Prefect, or with `local` without it in the process."""
    if local:
        return run_steps(settings, "nightly", nightly_steps(settings), reporter)
    prefect_environment(settings.home)
    server = None
    if "PREFECT_API_URL" not in os.environ:
        server = PrefectServer(settings.home, 0, passing=True)  # it starts while Prefect is imported here
        os.environ.update(server.environment)
        atexit.register(server.stop)  # after Prefect, imported later, has sent its last lines there
    else:
        require_access(os.environ["PREFECT_API_URL"])
    from flows.serving.nightly import forget_old_runs, nightly_run

    if server is not None:
        server.wait(threading.Event())
    outcome = nightly_run(settings, reporter)
    if server is not None:  # its history is this home's; another server's is not ours to shorten
        forget_old_runs(datetime.now(UTC))
    return outcome
