"""The attack suite, and how a config withstands it."""
