"""Fields of one's own: words and numbers of transactions that a file declares for the models."""
