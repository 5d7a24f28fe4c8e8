"""Dagster, nothing else: one file per stage, each with its checks; partitions, resources, jobs, sensors."""
