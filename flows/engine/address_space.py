"""What a run needs of the machine before it begins."""

import resource

from flows.errors import FlowError

LEAST_ADDRESS_SPACE = 6 * 2**30
"""Bytes. torch, LightGBM and DuckDB reserve far more than they use; below 4 GiB their libraries abort."""


def require_address_space(least: int = LEAST_ADDRESS_SPACE) -> None:
    """Raise FlowError where a limit of the shell or the service would end the run by an abort."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < least:
        raise FlowError(
            f"this process may reserve only {limit / 2**30:.1f} GiB of addresses (ulimit -v), "
            f"and a run needs {least / 2**30:.0f}: raise that limit, or bound the memory by a cgroup instead"
        )
