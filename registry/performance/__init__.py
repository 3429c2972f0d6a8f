"""What people measured of a model where they use it: numbers, and what they have to say of them."""
