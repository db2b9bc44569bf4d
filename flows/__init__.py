"""What runs: one flow a file, one file a Prefect deployment; and the console command."""

FLOWS = (
    *("atlas", "early-vision", "extract", "train", "sweep", "symmetry", "tuning"),
    *("concepts", "attack", "trust", "publish"),
)

WORK_POOL = "kaleidoscope"
