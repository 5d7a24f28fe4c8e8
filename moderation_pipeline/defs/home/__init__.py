"""Dagster's home: its instance in the data folder, how it is kept, and which of its runs are alive."""
