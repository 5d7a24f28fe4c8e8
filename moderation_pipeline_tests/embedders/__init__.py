"""Tests of moderation_pipeline.embedders."""
