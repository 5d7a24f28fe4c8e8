"""Tests of moderation_pipeline.agents.learned.reading."""
