"""The words that Tonnage's parts exchange: pydantic models and enums, nothing that acts.

Read `spec` (what a person writes), `status` (what the operator answers), `model_facts` (what is known of a model),
`model_files` (which files are a model) and `serve_document` (what the pods of one revision read). `reasons` names every
condition and reason. `crd` and its `rules` turn the models into the CustomResourceDefinition.
"""
