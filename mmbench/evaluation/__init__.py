"""Compare assignments with labels; imports no method."""
