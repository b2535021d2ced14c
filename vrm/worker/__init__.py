"""What runs in the background. Rows are the truth; this only says who works on them, and when."""
