"""Events leave, in order: lanes, requests, retries, rate limits."""
