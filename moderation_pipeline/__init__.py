"""Chat moderation as a data pipeline: who decided what, what it cost, and whether it can be trusted."""
