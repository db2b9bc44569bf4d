"""The parts of the flows: plain functions and classes, one subject per folder. Nothing here imports Prefect."""

import os

# Put large tensors on huge pages: a group crosscoder allocates a gradient of half a gigabyte at each step, and the page
# faults took a fifth of the step. torch reads this variable at its first allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
