"""Texts as vectors: TF-IDF, sentence transformers, and what is kept of them."""
