"""A real Kubernetes from its own sources, run as processes: for Linux machines without Docker or image registries.

Reading order: `cluster` (the provider), `state` and `addresses` (what a cluster holds), `node` (starting and ending
one), `init` (process 1 of a node), `components` and `configs` (what it runs, with which settings), `builds` and
`packages` (where the programs come from), `links` and `cgroups` (what a node has outside of its namespaces).
"""
