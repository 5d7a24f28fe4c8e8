"""The loop, the audit policy, the sanction ladder, and user state as a fold over actions."""
