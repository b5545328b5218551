"""The table of the chart's values, from the comments of values.yaml.

`python3 tools/deploy/values_readme.py` writes helm/lookalike/README.md. Every value that
is not a table of further values needs a line `# -- …` above it.
"""

import json
import re
import sys
from pathlib import Path

CHART = Path(__file__).resolve().parent.parent.parent / "helm" / "lookalike"
OUTPUT = CHART / "README.md"

ENTRY = re.compile(r"^( *)([A-Za-z][\w]*):(.*)$")
HEAD = """\
# Helm chart of Lookalike

Installs the worker: a Deployment each for the roles `embed` and `rank`, or one for both.
Kafka, Qdrant and the object stores are somebody else's; the chart names them. How to
install, size, upgrade, scale and change the model: [docs/operations.md](../../docs/operations.md).

```
helm install lookalike helm/lookalike --namespace shop --values my-values.yaml
helm test lookalike --namespace shop
```

The least that `my-values.yaml` needs:

```yaml
{minimal}```

Further examples are in `ci/`. `values.schema.json` refuses unknown values and secrets in
`config`; the worker refuses unknown keys inside it.

## Values

Written by `python3 tools/deploy/values_readme.py` from `values.yaml`.

| value | default | meaning |
|---|---|---|
"""


def described(text):
    """(path, description) of each described value, and the paths that lack a description."""
    found, bare, parents, comment, ended = [], [], [], None, None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        if line.strip().startswith("# -- "):
            if comment is not None:
                raise ValueError(f"values.yaml: no value below the description {comment!r}")
            comment = line.strip()[5:]
            if ended is not None and indent > ended:
                # A described table whose values are described, too.
                ended = None
            continue
        entry = ENTRY.match(line)
        # What lies deeper than a described value is its default, not a value of its own.
        if not entry or (ended is not None and indent > ended):
            continue
        ended = None
        parents = [(depth, name) for depth, name in parents if depth < indent]
        path = ".".join([*(name for _, name in parents), entry[2]])
        rest = re.sub(r"^&\w+", "", entry[3].split(" #")[0].strip()).strip()
        parents.append((indent, entry[2]))
        if comment is not None:
            found.append((path, comment))
            ended = indent
        elif rest:
            bare.append(path)
        comment = None
    return found, bare


def default_of(values, path):
    for name in path.split("."):
        values = values[name]
    return json.dumps(values, ensure_ascii=False).replace("|", "\\|")


def text():
    import yaml

    source = (CHART / "values.yaml").read_text(encoding="utf-8")
    minimal = (CHART / "ci" / "minimal-values.yaml").read_text(encoding="utf-8")
    values = yaml.safe_load(source)
    found, bare = described(source)
    if bare:
        raise ValueError(f"values.yaml: no description above {', '.join(bare)}")
    rows = [f"| `{path}` | `{default_of(values, path)}` | {meaning} |" for path, meaning in found]
    without_comment = "".join(line for line in minimal.splitlines(True) if not line.startswith("#"))
    return HEAD.format(minimal=without_comment) + "\n".join(rows) + "\n"


if __name__ == "__main__":
    import tools

    tools.python_packages()
    OUTPUT.write_text(text(), encoding="utf-8")
    print(OUTPUT.name, file=sys.stderr)
