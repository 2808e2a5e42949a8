"""What is known before anything is decided: of a model (`model`), of its place (`source`), of the nodes (`inventory`).

Reading order: `errors`, `source`, `config`, `weights`, `model`, `reading`, `inventory`. Nothing here opens a file or a
socket: `cluster` and `cli` do, and hand over what they read.
"""
