"""Training a backbone of one's own on a large collection of pictures."""
