"""Runs as they are stored, executed and watched, in processes of their own."""
