"""The development broker: a real Apache Kafka on this machine."""
