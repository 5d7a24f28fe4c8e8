"""Which comments the Expert audits, and how likely each was to be audited."""
