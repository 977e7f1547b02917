"""The real servers that tests and benchmarks need, from package registries."""
