"""Tests of moderation_pipeline.backends.batches."""
