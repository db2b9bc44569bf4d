"""Dictionary learning: sparse autoencoders and group crosscoders, one training loop, one loss contract."""
