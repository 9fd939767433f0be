"""The packed record of a customer."""
