"""Tests of moderation_pipeline.contest."""
