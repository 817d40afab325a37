"""Composition: settings, the steps of a night, the Prefect flows over them, and the command line.

This is the only room that knows both the connectors and the warehouse.
"""
