"""Networks, losses, batches and clustering that at least two methods share."""
