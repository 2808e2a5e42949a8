"""Tonnage, the operator: facts → plan → desired → apply, and observe → status. Start at `contract`, then `plan`."""
