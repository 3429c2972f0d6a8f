"""What we are measured against, set up as its own users would set it up."""
