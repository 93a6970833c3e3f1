"""Receipts: printable pages on what was done, with what, and how to do it again."""
