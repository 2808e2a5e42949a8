"""what is seen -> what it means: conditions, failures, the next step of a rollout. Pure.

Reading order: `serve_status`, `pods`, `snapshot`; `rollout` for what to do; `failures`, `progress`, `situation`,
`conditions` and `status` for what to say.
"""
