"""The domain, pure: histories, merchants, features, rules, decisions, explanations, labels."""
