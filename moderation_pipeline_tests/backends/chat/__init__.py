"""Tests of moderation_pipeline.backends.chat."""
