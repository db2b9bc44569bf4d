"""ViSAEBench's metrics for dictionaries on the layers of convolutional networks."""
