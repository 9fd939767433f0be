"""Card transactions: what a payment looks like, what points to fraud, what is decided."""
