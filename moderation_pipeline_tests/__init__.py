"""Tests mirror the package, room by room.

Numpy's linear algebra keeps to one core: there is a process of tests for each core already, and where every process
starts threads on all of them, fits of learned heads wait for each other (measured on two cores: four times as long).
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported, which reads it then
