"""The only package that talks to the outside: the Kubernetes API, Ray Serve's REST API on the head, and model hubs.

Reading order: `errors` (what can go wrong), `transport` (the sockets), `resources` (which kinds there are), `api` (the
verbs), `apply` (writes what differs), `events`, `serve`, `sources` (where models are). It decides nothing: what to do
is `reconcile`'s business, what it means is `observe`'s.
"""
