"""What is said of an evaluated table: sentences, tables for reading, charts, the page."""
