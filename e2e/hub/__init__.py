"""A model hub for tests: it speaks the Hugging Face hub's protocol to the real client, and misbehaves on request.

Reading order: `repositories` (the models there are, as a table), `files` and `weights` (their bytes, real or made up),
`answers` (the protocol, pure), `server` (connections, outages, counts). `model` runs only while the image is built.
"""
