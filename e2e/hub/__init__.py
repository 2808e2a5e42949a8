"""A hub and store of models for tests: it speaks the real protocols to the real clients, and misbehaves on request.

Reading order: `repositories` (the models there are, as a table), `files` and `weights` (their bytes, real or made up),
`answers` (what every protocol is made of), `huggingface`, `modelscope`, `s3` (the protocols, pure), `protocols` (which
of them is spoken), `server` (connections, outages, counts). `model` runs only while the image is built.
"""
