"""Tests of moderation_pipeline.moderation."""
