"""What is known before anything is decided: of a model, of its place, of the GPUs and of the nodes.

Reading order: `errors`, `source`, `config`, `weights`, `model`, `reading`; then `gpus`, `gpu_labels`, `precisions`
(what the engine can do on a GPU), `pod_requests`, `inventory`. Nothing here opens a socket, nor a file but its own
tables: `cluster` and `cli` do, and hand over what they read.
"""
