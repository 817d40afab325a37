"""What can go wrong in the composition itself.

    FlowError
    ├── SettingsError    a setting is missing, unknown or has a value that cannot be used   (exit code 2)
    ├── WrongUsage       arguments contradict each other, or one has no meaning             (exit code 2)
    ├── AlreadyRunning   another run holds the home directory                              (exit code 1)
    ├── HomeGone         the home directory was moved or deleted while a run was using it  (exit code 1)
    └── StepsFailed      one or more steps of a run failed; each has its line already      (exit code 1)

Errors of the other rooms (`ConnectorError`, `WarehouseError`, `FeatureError`, `ModelError`) pass through:
the command line prints each as one line.
"""


class FlowError(Exception):
    """Anything that the composition refuses; the message is one line that says what to do next."""


class SettingsError(FlowError):
    """A setting is missing, unknown or unusable."""


class WrongUsage(FlowError):
    """Arguments contradict each other, or one of them has no meaning whatever the warehouse holds."""


class AlreadyRunning(FlowError):
    """Another run of this home directory is under way."""


class HomeGone(FlowError):
    """The home directory was there when the run began, and no longer is."""


class StepsFailed(FlowError):
    """A run ended with failed steps, which were reported as they failed."""


class QueryStopped(FlowError):
    """Somebody stopped a query of theirs: nothing was being written."""
