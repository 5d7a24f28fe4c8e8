"""Each claim of speed, cost or quality in the README is one command here."""
