"""Tests of moderation_pipeline.defs.home."""
