"""What the terminal shows and says; the commands themselves, and all that starts Dagster, are in `cli.py`."""
