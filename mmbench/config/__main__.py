"""`python -m mmbench.config` refreshes the stored JSON schema of benchmarks."""

from pathlib import Path

from mmbench.config.benchmark import schema
from mmbench.files import write_text

write_text(Path("workflow/schemas/config.schema.json"), schema())
