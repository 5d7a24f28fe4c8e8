"""Runs started from a terminal: which are due, how they go on, and what is said of them when they are through."""
