"""Tests mirror the package, room by room.

Linear algebra keeps to one core: there is a process of tests for each core already, and where every process starts
threads on all of them, fits of learned heads wait for each other (measured on two cores: four times as long), and so
do a real model's words (six times).
"""

import os

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(threads, "1")  # before numpy or torch is imported, which reads it then
