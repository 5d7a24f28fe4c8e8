"""What a run may do alone: the ledger of audits, the rows, and what a certificate is about."""
