"""Tests of moderation_pipeline.agents.deciding."""
