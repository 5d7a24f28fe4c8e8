"""Tests of moderation_pipeline.certificates."""
