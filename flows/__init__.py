"""Flows and the console command. Each flow is one file and one Prefect deployment."""

FLOWS = (
    *("atlas", "early-vision", "extract", "train", "sweep", "import-dictionary", "benchmark", "symmetry", "tuning"),
    *("concepts", "attack", "trust", "publish", "demo"),
)

WORK_POOL = "kaleidoscope"
MACHINE = "kaleidoscope.machine"
"""Label of a flow run with the name of the machine and data folder on which its process is (`machine_name`)."""
