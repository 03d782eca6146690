"""What the gate costs: `python -m benchmarks`."""
