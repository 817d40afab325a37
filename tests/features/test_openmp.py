"""Threads that wait do not keep a core busy, unless somebody asked for that."""

import os
import subprocess
import sys

import pytest

POLICY = "import {first}, os, sys; print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"


def said(first: str, **environment: str) -> str:
    kept = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    command = [sys.executable, "-c", POLICY.format(first=first)]
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("package", ["features", "models", "flows.steps.catalogue"])
def test_waiting_threads_sleep(package: str) -> None:
    assert said(package).split()[0] == "PASSIVE"


def test_it_is_settled_before_torch_is_loaded() -> None:
    assert said("features.openmp") == "PASSIVE False"


def test_the_users_own_policy_stays() -> None:
    assert said("features", OMP_WAIT_POLICY="ACTIVE").split()[0] == "ACTIVE"
