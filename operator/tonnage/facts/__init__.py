"""What is known before anything is decided: of a model (`model`), of its place (`source`), of the nodes (`inventory`).

Reading order: `errors`, `source`, `config`, `weights`, `model`, `inventory`. Nothing here reads a network or a cluster:
`cluster` and `cli` do, and hand over what they read.
"""
