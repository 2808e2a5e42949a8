"""Tests against a real Kubernetes: the cluster and its providers in `cluster`, container images in `images`."""
