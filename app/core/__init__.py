"""Learning: models, the fold of the examples log, metrics, snapshots. No Kafka, no application."""
