"""Where it is kept: table schemas, Parquet files, DuckDB views."""
