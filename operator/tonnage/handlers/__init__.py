"""Kopf glue: watches, login, start and end. It decides nothing; all that comes out of a watch is a key for the queue.

Reading order: `watches` (what is watched, and how), `resync`, `probes` (liveness and metrics), `logs`, `life`
(puts the operator together and runs it).

Kopf's change handlers, `patch`, returned results and finalizers are not used: they write to the object by themselves,
at times of their own, and an interruption in between leaves it marked as handled.
"""
