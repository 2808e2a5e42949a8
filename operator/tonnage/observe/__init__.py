"""what is seen -> what it means: conditions, failures, the next step of a rollout. Pure.

Reading order: `serve_status`, `snapshot`, `failures`, `conditions`, `status`, `rollout`.
"""
