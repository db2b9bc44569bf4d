"""Flows and the console command. Each flow is one file and one Prefect deployment."""

FLOWS = (
    *("atlas", "early-vision", "extract", "train", "sweep", "import-dictionary", "benchmark", "symmetry", "tuning"),
    *("concepts", "attack", "trust", "publish", "demo"),
)

WORK_POOL = "kaleidoscope"
