"""The floor: what every room stands on and what knows nothing of intents, vendors or messages."""
