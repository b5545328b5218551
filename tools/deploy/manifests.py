"""Rendered manifests held against the schemas of Kubernetes and of the operators, strictly.

A field that a schema does not know is an error: the cluster would drop it in silence.
"""

# The oldest Kubernetes that the chart names, and the newest with schemas.
VERSIONS = ("1.29", "1.37")


def documents(text):
    import yaml

    return [document for document in yaml.safe_load_all(text) if document]


def strict(schema):
    """A CRD's schema in which fields that it does not name are refused."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False) is True:
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    free = made.get("x-kubernetes-preserve-unknown-fields") is True
    if isinstance(schema.get("properties"), dict) and not free:
        made.setdefault("additionalProperties", False)
    return made


def custom_schemas(files):
    """(apiVersion, kind) → schema, from the files of CustomResourceDefinitions."""
    schemas = {}
    for file in files:
        for definition in documents(file.read_text(encoding="utf-8")):
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                # apiVersion and kind are named there, metadata is the cluster's own.
                schema["properties"]["metadata"] = {"type": "object"}
                schemas[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return schemas


def complaints(manifests, custom):
    """What the schemas do not allow, a line each."""
    import jsonschema
    import kubernetes_validate

    found = []
    for manifest in manifests:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        schema = custom.get((manifest["apiVersion"], kind))
        if schema is not None:
            errors = jsonschema.Draft7Validator(schema).iter_errors(manifest)
            found += [f"{kind} {name}: {'.'.join(map(str, error.path))}: {error.message}" for error in errors]
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(manifest, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                path = ".".join(map(str, error.path))
                found.append(f"{kind} {name}, Kubernetes {version}: {path}: {error.message}")
            except kubernetes_validate.SchemaNotFoundError:
                found.append(f"{kind} {name}, Kubernetes {version}: no schema of {manifest['apiVersion']}")
    return found
