"""Questions that people ask of stored runs, answered without asking a model: what each command of theirs shows."""
