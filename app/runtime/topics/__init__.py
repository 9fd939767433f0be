"""The topics: their shapes, whether they are as they should be, and what changes under a fleet."""
