"""Predict, then learn: the two agents of any application, on the runtime."""
