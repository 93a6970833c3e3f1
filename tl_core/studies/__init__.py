"""Questions that are answered by several runs."""
