"""Prefect and the processes that run for long."""
