"""What runs: one flow a file, one file a Prefect deployment; and the console command."""
