"""An oracle: what Reelhouse does to a lake, done to plain Python lists as well, and the answers compared.

`python -m tests.oracle --help` runs it for long; `tests/warehouse/test_oracle.py` runs it briefly.
"""
