"""The nouns of the loop: a comment as a case, a verdict on it, what only Students know, what is settled about it."""
