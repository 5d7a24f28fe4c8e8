"""Tests of moderation_pipeline.text."""
