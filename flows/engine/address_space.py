"""What a run or a question needs of the machine before it begins."""

import resource

from flows.errors import FlowError

LEAST_ADDRESS_SPACE = 6 * 2**30
"""Bytes. torch, LightGBM and DuckDB reserve far more than they use; below 4 GiB their libraries abort."""


LEAST_TO_READ = 2 * 2**30
"""Bytes. With less, DuckDB's and Arrow's threads cannot be started, which ends the process by an abort."""


def require_address_space(least: int = LEAST_ADDRESS_SPACE, purpose: str = "a run") -> None:
    """Raise FlowError where a limit of the shell or the service would end the process by an abort."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < least:
        raise FlowError(
            f"this process may reserve only {limit / 2**30:.1f} GiB of addresses (ulimit -v), and "
            f"{purpose} needs {least / 2**30:.0f}: raise that limit, or bound the memory by a cgroup instead"
        )
