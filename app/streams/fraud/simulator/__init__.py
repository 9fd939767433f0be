"""Seeded card traffic: customers, merchants, fraudsters, and who reports what."""
