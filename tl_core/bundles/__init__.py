"""What comes out of a run: one file that predicts, and nothing in it that can execute."""
