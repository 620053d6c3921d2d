"""A figure's alternative text, on its way from the notebook's output to the page's `<img>`.

`icl.figures.style.show` stores the text in the output's metadata,
`{"image/svg+xml": {"alt": ...}}`. myst-nb reads only width and height from there; this plugin,
registered under its entry point `myst_nb.mime_renderers`, adds `alt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docutils import nodes
    from myst_nb.core.render import MimeData, NbElementRenderer

IMAGES = frozenset({"image/svg+xml", "image/png", "image/jpeg", "image/gif"})


class AlternativeText:
    """myst-nb's `MimeRenderPlugin` for images that say what they show."""

    mime_priority_overrides: ClassVar[Sequence[tuple[str, str, int | None]]] = ()

    @staticmethod
    def handle_mime(
        renderer: NbElementRenderer, data: MimeData, inline: bool
    ) -> list[nodes.Element] | None:
        """Render an image that has an alternative text; leave all else to myst-nb (None)."""
        options: dict[str, Any] = dict(data.output_metadata.get(data.mime_type, {}))
        alt = options.get("alt")
        if inline or data.mime_type not in IMAGES or not alt:
            return None
        images: list[nodes.Element] = renderer.render_image(data)
        for image in images:
            image["alt"] = " ".join(str(alt).split())
        return images
