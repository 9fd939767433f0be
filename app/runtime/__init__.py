"""Faust and Kafka without models or domain: lanes, steps, writers, tables, the fence."""
