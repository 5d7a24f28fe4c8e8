"""Chat logs in: one reader per format, the comment schema, normalisation, the synthetic generator."""
