"""Weir beside other ways to do the same work on the same Kafka broker.

`work` is the work, pure. Each engine is a file that runs as a process of its own and does
that work in its own manner. The harness starts it, feeds it, and measures it from outside.
"""
