"""Mends of Faust, aiokafka and mode: small wrappers around their methods."""
