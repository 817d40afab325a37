"""What can go wrong while features are built or read.

FeatureError                 the base: catch this to catch them all
├── EncoderError             an encoder cannot be found, loaded or trusted: change the setting it names
├── UnknownView              no view of that name: the message lists those there are
├── OtherVersion             another process would compute another version of a view
├── RunnerError              what is to compute the partitions cannot be reached
├── SpineError               a training set was asked for with a spine that is not one
└── NotReproduced            a training set made again is not the one that its manifest describes

A single movie that cannot be computed is no exception: it is counted in `BuildResult.failed` with its reason.
"""


class FeatureError(Exception):
    """Features cannot be built or read; the message says why and what to do."""


class EncoderError(FeatureError):
    """An encoder cannot be loaded; the message names the setting and the ways out."""


class UnknownView(FeatureError, LookupError):
    """There is no feature view of that name."""


class OtherVersion(FeatureError):
    """A process that was sent a view has other code, other weights or no posters; the message says which."""


class RunnerError(FeatureError):
    """What is to compute the partitions cannot be reached; the message names the setting."""


class SpineError(FeatureError, ValueError):
    """The spine of a training set lacks a column, or a column has the wrong type."""


class NotReproduced(FeatureError):
    """A training set made again is not the one that its manifest describes; the message says what differs."""
