"""What is remembered: the store, retrieval, and what is written, merged and forgotten."""
