"""The learning state of a worker: followed, kept, verified and repaired."""
