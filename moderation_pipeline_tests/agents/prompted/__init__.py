"""Tests of moderation_pipeline.agents.prompted."""
