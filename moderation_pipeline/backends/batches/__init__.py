"""Audits sent by batch, at half the price, and fetched by a later run."""
