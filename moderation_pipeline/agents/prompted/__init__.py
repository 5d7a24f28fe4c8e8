"""Language models as Student and Expert: the prompt, the reply, and reading it."""
