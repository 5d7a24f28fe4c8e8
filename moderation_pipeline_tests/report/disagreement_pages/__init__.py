"""Tests of moderation_pipeline.report.disagreement_pages."""
