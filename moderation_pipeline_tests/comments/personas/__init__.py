"""Tests of the synthetic chat's people."""
