"""Container images for tests: built when their inputs changed, named by those inputs, loaded into a cluster.

Reading order: `catalogue` (which images there are and what goes into them), `keys` (how that becomes a tag), `engines`
(Docker or buildah), `system` (a base image where no registry can be reached), `building` (all of it together).
"""

from e2e.images.building import build, build_and_load
from e2e.images.catalogue import CATALOGUE

__all__ = ["CATALOGUE", "build", "build_and_load"]
