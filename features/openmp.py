"""How the threads of torch and LightGBM wait for each other: asleep, instead of spinning.

OpenMP reads its settings when the first library that uses it is loaded, so this module is imported before any
of them. Spinning gains microseconds on a machine that does nothing else. Where other processes want the same
cores, a thread spins until the one it waits for gets its turn, many times as long as the work itself:
`tests.benchmarks.bench_openmp` measures it. A setting of the user's own is left as it is.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
