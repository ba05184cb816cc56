"""The only place that touches the world: disk, network, clock, keys, randomness."""
