"""How good it was: estimates with intervals, paired comparison, disagreements. Knows nothing of agents and backends."""
