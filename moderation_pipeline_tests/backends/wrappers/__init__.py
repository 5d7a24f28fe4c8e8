"""Tests of moderation_pipeline.backends.wrappers."""
