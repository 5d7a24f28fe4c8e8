"""How good it was: scoring, statistics, figures, report rendering. Knows nothing of backends."""
