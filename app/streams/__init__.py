"""The applications, a folder each."""
