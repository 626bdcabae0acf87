"""Compare assignments with labels; knows no method."""
