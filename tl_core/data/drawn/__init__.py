"""Pictures drawn by the program: a device on a desk, lit and photographed."""
