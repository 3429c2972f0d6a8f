"""What one web process takes at once: how long a body may be, how many requests it works on."""
