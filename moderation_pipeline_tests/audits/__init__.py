"""Tests of moderation_pipeline.audits."""
