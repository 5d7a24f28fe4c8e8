"""What a run is held against over time: what its figures were, and the run that was accepted last."""
