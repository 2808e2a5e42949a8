"""Reads a model's facts from where it is: its file list, two small JSON files, and the headers of its weights.

Reading order: `repository` (what is asked of every place), `http` (the first bytes of a file, and no more), `refusals`
(what a hub may answer instead, in sentences), then a module for each kind of place: `huggingface`, `modelscope`, `s3`;
`hubs` chooses between the first two. A claim is not here: its folder is mounted, see `cli.folder`.

Only `s3` is left out of the operator's own process: its client is large, and a bucket is read by facts pods alone.
"""
