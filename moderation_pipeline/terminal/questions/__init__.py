"""Questions that people ask of stored runs and of labelled tables, answered without asking a model: what each shows."""
