"""Compare a home with the directory of records that it was made from; exit code 1 where a value differs."""

import argparse
import sys
from pathlib import Path

from tests.verbatim.comparison import compare

parser = argparse.ArgumentParser(prog="python -m tests.verbatim", description=__doc__)
parser.add_argument("home", type=Path, help="a home that ingested the whole directory through a mirror")
parser.add_argument("directory", type=Path, help="the directory of records that the mirror served")
given = parser.parse_args()
comparison = compare(given.home, given.directory)
print(comparison.told())
sys.exit(1 if comparison.differences else 0)
