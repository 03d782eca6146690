"""Apps behind the gate, one per framework: each runs as it is, and each is tested."""
