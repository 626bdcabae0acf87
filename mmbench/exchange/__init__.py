"""Results that leave the machine on which they were made, and results that come to it.

- `snapshot`, `restore`: record data and results with DVC, and bring them back;
- `checks`: which stored files today's config and source code would make;
- `verify`: train stored runs again and compare the results;
- `imports`, `merge`: runs that were made elsewhere, marked in every table;
- `diff`: what changed between two results;
- `dvc`, `workflow`: calls of DVC and of Snakemake.
"""
