"""Tests of moderation_pipeline.config."""
