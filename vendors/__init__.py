"""Who listens and answers: vendors, their subscriptions, the leads they get and what they say to them."""
