"""Tests of moderation_pipeline.backends.decisions."""
