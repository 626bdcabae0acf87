"""Results that travel: repeat them, list them, bring them in, and compare them.

- `verifying`: train stored runs again and compare;
- `manifest`: every file of a result with its checksum;
- `importing`, `merging`: runs that were made elsewhere, marked in every table;
- `differences`: what changed between two results.
"""
