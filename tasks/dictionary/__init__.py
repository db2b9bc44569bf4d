"""Dictionary learning: sparse autoencoders and group crosscoders share one training loop and one `Loss` type."""
