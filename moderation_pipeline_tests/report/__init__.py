"""Tests of moderation_pipeline.report."""
