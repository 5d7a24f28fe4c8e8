"""Tests of moderation_pipeline.evaluation.scored."""
