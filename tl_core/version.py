"""The version, on the lowest floor so that every floor can state it."""

__version__ = "0.1.0"
