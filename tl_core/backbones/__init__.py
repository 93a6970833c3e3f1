"""Pre-trained networks as chains of named stages."""
