"""Records that could not be used: written, read, and sent back once the cause is fixed."""
