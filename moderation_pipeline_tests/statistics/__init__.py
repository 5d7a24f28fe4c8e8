"""Tests of moderation_pipeline.statistics."""
