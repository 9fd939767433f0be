"""The only place that knows Kafka: topics, tables, agents, the follower, the mends of Faust."""
