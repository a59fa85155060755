"""The monitor: the arithmetic that watches the fairness of a fund over its rounds."""
