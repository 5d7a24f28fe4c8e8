"""Tests of moderation_pipeline.backends.batches.batched_model."""
