"""Tests of moderation_pipeline.synthetic."""
