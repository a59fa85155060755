"""The page: a decided round as one HTML file for people, without script and without network."""

from fundalloc.report.page.material import Material
from fundalloc.report.page.rendering import page

__all__ = ["Material", "page"]
