"""What can go wrong with models.

ModelError                  every error of this room; its text is one line that says what to do
├── Untrainable             there is nothing to learn from: no labelled movies, one row, one class everywhere
├── ViewMismatch            features of another view version than the model was trained on
├── NoModel                 no such label set, model, version or genre
└── DamagedModel            an artefact is missing, cut or changed since it was registered
"""


class ModelError(Exception):
    """Every error of this room."""


class Untrainable(ModelError):
    """There is nothing to learn from."""


class ViewMismatch(ModelError):
    """The features are of another view version than the model was trained on."""


class NoModel(ModelError):
    """No such label set, model, version or genre."""


class DamagedModel(ModelError):
    """An artefact is missing, cut, or changed since it was registered."""
