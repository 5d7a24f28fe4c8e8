"""Tests of moderation_pipeline.warehouse."""
