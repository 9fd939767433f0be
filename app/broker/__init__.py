"""The development broker: a real Apache Kafka on the local machine."""
