"""The model zoo, and what its models are made of."""
