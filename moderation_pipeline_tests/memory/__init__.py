"""Tests of moderation_pipeline.memory."""
