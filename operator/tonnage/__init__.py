"""Tonnage, the operator: facts → plan → desired → apply, and observe → status. Start at `contract`, then `plan`."""

# The package's, the chart's and the images'.
__version__ = "0.1.0"
