"""Recorded and simulated traffic of any application: read, played, replayed and measured."""
