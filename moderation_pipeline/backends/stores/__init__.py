"""Where replies are kept, and who is asking for which: SQLite on one machine, Postgres where several share them."""
