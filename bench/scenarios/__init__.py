"""One module for each thing that is measured; each gives its scenarios to `bench.registry`."""
