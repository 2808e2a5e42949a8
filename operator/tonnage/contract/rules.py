"""CEL rules of the CRD: what the API server refuses at once, with a sentence that says what to change.

Rules are kept by model or field; a rule of a field reads that field as `self`. Two things are easily broken. A rule's
cost is estimated from the bounds (maxLength, maxItems) of what it reads, times the bounds of every list around it, and
a CRD above the budget is refused whole. And all failing rules are shown, so each leaves to the others what is theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tonnage.contract.base import Contract
from tonnage.contract.model_source import SOURCE_VARIABLES
from tonnage.contract.spec import (
    Adapter,
    EnvVar,
    Model,
    ModelDeploymentSpec,
    Peer,
    Placement,
    Scaling,
    Serving,
    Template,
)

# Variables that follow from the plan, from spec.model or from the pod. A CRD may be older than the operator, so the
# planner refuses the same.
RESERVED_PREFIXES = ("RAY_", "VLLM_", "TONNAGE_")
RESERVED_VARIABLES = (*SOURCE_VARIABLES, "HOME", "POD_IP")
RESERVED_TEXT = "RAY_*, VLLM_*, TONNAGE_*, HOME, POD_IP, a hub's token or endpoint, a bucket's credentials"


@dataclass(frozen=True)
class Rule:
    """One `x-kubernetes-validations` entry. Messages name no numbers: the cost of `string(int)` has no known bound."""

    rule: str
    message: str

    def to_json_object(self) -> dict[str, str]:
        """The entry as the CRD has it."""
        return {"rule": self.rule, "message": self.message}


# The same shapes as in facts.source. What has its own rule is let through by the rules of shape.
_HAS_ITS_OWN_RULE = "self.contains('@') || self.contains('..')"
_FOLDERS = "(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*"
_SOURCE_RULES = (
    Rule(
        "self.matches('^(hf|modelscope|s3|pvc)://')",
        "must start with hf://, modelscope://, s3:// or pvc://, for example hf://Qwen/Qwen2.5-7B-Instruct",
    ),
    Rule(
        "!self.contains('@')",
        "must not contain '@': credentials belong in spec.model.tokenSecretRef or credentialsSecretRef,"
        " a revision in spec.model.revision",
    ),
    Rule("!self.contains('..')", "must not contain '..'"),
    Rule(
        f"{_HAS_ITS_OWN_RULE} || !self.matches('^(hf|modelscope)://')"
        " || self.matches('^[a-z]+://[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]+$')",
        "must be org/name after the scheme, of letters, digits, '-', '_' and '.'",
    ),
    Rule(
        f"{_HAS_ITS_OWN_RULE} || !self.startsWith('s3://')"
        f" || self.matches('^s3://[a-z0-9][a-z0-9.-]{{1,61}}[a-z0-9]{_FOLDERS}$')",
        "must be bucket/prefix after s3://, without a '/' at the end",
    ),
    Rule(
        f"{_HAS_ITS_OWN_RULE} || !self.startsWith('pvc://')"
        f" || self.matches('^pvc://[a-z0-9]([a-z0-9.-]*[a-z0-9])?{_FOLDERS}$')",
        "must be the name of a PersistentVolumeClaim and a folder in it after pvc://, without a '/' at the end",
    ),
)

_REVISION_RULES = (Rule("!self.contains('..')", "must not contain '..'"),)

_LABEL_KEYS_RULE = Rule(
    "self.all(key, !format.qualifiedName().validate(key).hasValue())",
    "keys must be label keys: [prefix/]name of letters, digits, '-', '_' and '.', the name at most 63 characters",
)
_OWN_LABELS_RULE = Rule(
    "self.all(key, !key.matches('^(app[.]kubernetes[.]io|([a-z0-9.-]+[.])?tonnage[.]dev)/'))",
    "must not use app.kubernetes.io/ and tonnage.dev/: Tonnage finds its objects by these",
)

# By the field's name in Python.
FIELD_RULES: Mapping[tuple[type[Contract], str], tuple[Rule, ...]] = {
    (Model, "source"): _SOURCE_RULES,
    (Model, "revision"): _REVISION_RULES,
    (Adapter, "source"): _SOURCE_RULES,
    (Placement, "node_selector"): (_LABEL_KEYS_RULE,),
    (Peer, "namespace_labels"): (_LABEL_KEYS_RULE,),
    (Peer, "pod_labels"): (_LABEL_KEYS_RULE,),
    (Template, "labels"): (_LABEL_KEYS_RULE, _OWN_LABELS_RULE),
    (Template, "annotations"): (_LABEL_KEYS_RULE, _OWN_LABELS_RULE),
    (EnvVar, "name"): (
        Rule(
            f"!self.matches('^({'|'.join(RESERVED_PREFIXES)}|({'|'.join(RESERVED_VARIABLES)})$)')",
            f"must not be one of {RESERVED_TEXT}: these follow from the plan, spec.model and the pod",
        ),
    ),
}

MODEL_RULES: Mapping[type[Contract], tuple[Rule, ...]] = {
    Model: (
        Rule(
            "self.trustRemoteCode != 'Allowed' || !self.source.matches('^(hf|modelscope)://')"
            " || (has(self.revision) && self.revision.matches('^[0-9a-f]{40}$'))",
            "trustRemoteCode Allowed needs revision to be a full commit (40 hex digits): a branch may change its code",
        ),
        Rule(
            "!has(self.revision) || self.source.matches('^(hf|modelscope)://')",
            "revision is for hf:// and modelscope:// sources: leave it out",
        ),
        Rule(
            "!has(self.tokenSecretRef) || self.source.matches('^(hf|modelscope)://')",
            "tokenSecretRef is for hf:// and modelscope:// sources: leave it out, a bucket has credentialsSecretRef",
        ),
        Rule(
            "!has(self.credentialsSecretRef) || self.source.startsWith('s3://')",
            "credentialsSecretRef is for s3:// sources: leave it out, a hub has tokenSecretRef",
        ),
    ),
    Serving: (
        Rule(
            "!has(self.contextLength) || !has(self.minContextLength) || self.minContextLength <= self.contextLength",
            "minContextLength must not be greater than contextLength",
        ),
        Rule(
            "!has(self.contextLength) || !has(self.expectedRequest)"
            " || self.expectedRequest.inputTokens + self.expectedRequest.outputTokens <= self.contextLength",
            "expectedRequest must fit into contextLength",
        ),
    ),
    Scaling: (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "minReplicas must not be greater than maxReplicas",
        ),
        Rule(
            "!has(self.scaleToZeroAfter) || self.minReplicas == 0",
            "scaleToZeroAfter needs minReplicas: 0",
        ),
    ),
    Peer: (
        Rule(
            "has(self.namespaceLabels) || has(self.podLabels)",
            "must have namespaceLabels or podLabels; namespaceLabels: {} means every namespace",
        ),
    ),
    ModelDeploymentSpec: (
        Rule(
            "!has(self.scaling) || self.replicas == 1",
            "replicas is the fixed number: leave it out, or set it to 1, where scaling gives a range",
        ),
    ),
}

OBJECT_RULES: tuple[Rule, ...] = (
    Rule(
        "self.metadata.name.matches('^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$')",
        "metadata.name must be a Service's name: at most 63 of a-z, 0-9 and '-', a letter first, no '-' last",
    ),
)
