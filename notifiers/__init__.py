"""How word travels: channels, what is owed to them, and what happened at each attempt."""
