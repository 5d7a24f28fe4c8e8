"""Tests of moderation_pipeline.comments."""
