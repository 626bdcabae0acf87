"""One thread for each test, set before any library is loaded.

Tests run side by side, and threads that share a core are many times slower than one: with two
workers on two cores the suite took twenty times as long.
"""

import os

for _limit in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_limit, "1")
