"""Tables beside pictures that say which class each is of: a row each, as people and tools write."""
