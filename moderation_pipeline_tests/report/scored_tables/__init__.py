"""Tests of moderation_pipeline.report.scored_tables."""
