"""A workflow-managed reproducibility benchmark for multi-modal clustering."""
