"""What can keep a published system from running here.

BaselineError               every error of the comparison; its text is one line
├── NotRunnable             data or weights that this installation does not have: listed, not run
└── UnknownSystem           no system or document of that name
"""

from models.errors import ModelError


class BaselineError(ModelError):
    """Every error of the comparison."""


class NotRunnable(BaselineError):
    """Data or weights that this installation does not have; the text says which and how to get them."""


class UnknownSystem(BaselineError):
    """No system or document of that name."""
