"""Letters: what a round means for one region, in plain words, as HTML, Markdown and PDF."""
