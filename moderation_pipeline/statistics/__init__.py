"""Estimates and bounds that know no table: bootstrap, weighted audits, time-uniform bounds, drift."""
