"""What e2e tests share.

Reading order: `install` (Tonnage and the hub in a cluster), `deployments` (a ModelDeployment as a user handles it),
`load` (requests, each accounted for), `figures` (what a run measured).
"""
