"""What e2e tests share.

Reading order: `install` (Tonnage and the hub in a cluster), `deployments` (a ModelDeployment as a user handles it),
`load` (requests, each accounted for), `startup` (where the time of a start went), `figures` (what a run measured).
"""
