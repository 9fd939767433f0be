"""Learning: models, the fold over the examples log, metrics, snapshots. Knows nothing of fraud or Kafka."""
