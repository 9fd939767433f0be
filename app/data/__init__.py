"""Traffic: the simulator, data sets, the player and the replay without Kafka."""
