"""Tests of moderation_pipeline.attacks."""
