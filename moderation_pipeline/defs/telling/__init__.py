"""What Dagster shows of assets, and what it logs of a run while that goes on."""
