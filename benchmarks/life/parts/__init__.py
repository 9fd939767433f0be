"""Parts of the benchmark: each measures some lines of the table."""
