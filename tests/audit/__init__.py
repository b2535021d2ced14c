"""What readers of source find: bandit, and semgrep with rules of our own."""
