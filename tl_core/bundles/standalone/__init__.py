"""What exported scripts are made of. It runs where Headstart is not installed.

`script.py` takes functions from here, and those of ours that they use, by their source.
"""
