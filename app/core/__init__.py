"""Learning: models, the fold of the examples log, metrics, snapshots. Knows no fraud, no Kafka."""
