"""The commands that answer a question from what runs stored."""
