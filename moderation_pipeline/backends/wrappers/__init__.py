"""What wraps a language model and is one: cache, budget, metering, retries, concurrency; and where replies are kept."""
