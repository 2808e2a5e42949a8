"""What e2e tests share: `deployments` (a ModelDeployment as a user handles it), `load` (requests, each accounted for),
`figures` (what a run measured), `install` (Tonnage and the hub in a cluster).
"""
