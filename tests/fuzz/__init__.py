"""A fuzzer of everything that comes from outside: see `tests.fuzz.__main__`."""
