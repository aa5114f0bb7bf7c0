"""The patterns: breaker, rate limit, retry policy, exceptions. They know no Celery, no HTTP and no SQL."""
