"""Card transactions: what a payment looks like, what speaks for fraud, what is decided."""
