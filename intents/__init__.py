"""What customers say: intents, and the blogs from which intents are read."""
