"""Tests of moderation_pipeline.backends.local."""
