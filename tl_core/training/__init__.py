"""Phases, the loop that runs one, and what both stand on."""
