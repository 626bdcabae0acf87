"""The views of a data set: what they describe, how large they are, how they are scaled."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PositiveFloat, PositiveInt, model_validator

from mmbench.config.datasets.common import Frozen, listed

Scaling = Literal["as-stored", "min-max", "tf-idf", "unit-rows", "unit-pixels"]


class ViewSpec(Frozen):
    """One view of a data set.

    Attributes:
        modality: the kind of signal, such as "image" or "text"; views may share one.
        dims: (n_features,), or (channels, height, width) of images.
        scaling: `min-max` per column (the default of features), `tf-idf` with unit rows for
            word counts, `unit-rows`, `unit-pixels` (the only one of images) or `as-stored`.
        white: of images, the stored value of a white pixel; by default 255 for integers and
            1 for fractions.
    """

    modality: str
    dims: Annotated[tuple[PositiveInt, ...], BeforeValidator(listed)]
    scaling: Scaling = "min-max"
    white: PositiveFloat | None = None

    @property
    def is_image(self) -> bool:
        """Whether the view holds images rather than feature vectors."""
        return len(self.dims) == 3

    @model_validator(mode="before")
    @classmethod
    def _scale_images_as_pixels(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("dims"), list | tuple):
            return {"scaling": "unit-pixels", **value} if len(value["dims"]) == 3 else value
        return value

    @model_validator(mode="after")
    def _check(self) -> "ViewSpec":
        if len(self.dims) not in (1, 3):
            raise ValueError(
                "expected dims to be the number of features or [channels, height, width],"
                f" got {list(self.dims)}"
            )
        if self.is_image != (self.scaling == "unit-pixels"):
            raise ValueError(
                "expected scaling unit-pixels for images and another for features,"
                f" got {self.scaling} with dims {list(self.dims)}"
            )
        if self.white is not None and not self.is_image:
            raise ValueError("expected `white` only where dims are [channels, height, width]")
        return self
