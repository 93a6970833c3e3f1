"""What figures mean: how far they can be trusted, and where they come from."""
