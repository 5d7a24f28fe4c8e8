"""Tests of moderation_pipeline.config.run_config."""
