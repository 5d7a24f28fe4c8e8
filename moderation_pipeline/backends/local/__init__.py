"""Models that run in this process, from Hugging Face."""
