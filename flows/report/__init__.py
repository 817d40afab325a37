"""One page per night: what came in, what the models say of it, and how far they can be believed."""

from flows.report.page import write_report

__all__ = ["write_report"]
