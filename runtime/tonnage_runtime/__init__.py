"""What runs in the pods of a revision. Thin: every decision is in the serve document, which the operator wrote.

Reading order: `__main__` (what a pod is told to be), `environment` (every switch, with its reason), `node` (becoming
Ray), `application` (what Ray Serve builds, on the head), `replica` and `engine` (one copy of the model, on a worker),
`download` (the init container) with `repository`, `huggingface`, `modelscope` and `s3` (where models come from),
`engine_report` (the engine's own figures), `telling` (how the operator gets to know of both). Of the operator only
`tonnage.contract` is imported.
"""
