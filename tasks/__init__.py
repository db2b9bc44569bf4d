"""What a flow is made of: plain functions and classes, one subject a folder. Nothing here imports Prefect."""

import os

# Large tensors on huge pages: a group crosscoder's gradient is half a gigabyte made anew each step, and its page faults
# were a fifth of the step. torch reads this at its first allocation.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
