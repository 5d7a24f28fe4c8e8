"""Tests of moderation_pipeline.tuning."""
