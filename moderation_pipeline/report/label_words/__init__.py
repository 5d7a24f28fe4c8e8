"""What a report may claim by labels, which depends on whose they are."""
