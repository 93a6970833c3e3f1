"""One file per family of networks; a new file here is found by the catalogue without an edit."""
