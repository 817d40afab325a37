"""How the threads of torch and LightGBM wait for each other: asleep, instead of spinning.

OpenMP reads its settings when the first library that uses it is loaded, so this module is imported before any
of them. Spinning gains microseconds on a machine that does nothing else. Where other processes want the same
cores, a thread spins until the one it waits for gets its turn: beside two busy processes on two cores,
LightGBM took 80 times as long, and an LSTM 20 times. A setting of the user's own is left as it is.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
