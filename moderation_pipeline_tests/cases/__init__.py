"""Tests of moderation_pipeline.cases."""
