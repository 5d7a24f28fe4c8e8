"""What wraps a language model and is one: cache and budget, metering, retries, concurrency, rate limits."""
