"""Tests of moderation_pipeline.agents.keyless."""
