"""Weir judges card transactions as they arrive on Kafka and learns from every answer."""

__version__ = "0.1.0"
