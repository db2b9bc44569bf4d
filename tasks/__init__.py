"""What a flow is made of: plain functions and classes, one subject a folder. Nothing here imports Prefect."""
