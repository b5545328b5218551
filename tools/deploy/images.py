"""Dockerfiles and compose.yaml, as far as a machine without container engine can judge them."""

import json
import re
import shlex
import shutil
import subprocess

from tools import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
DOCKERFILES = {
    DEPLOY / "Dockerfile": REPOSITORY,
    DEPLOY / "Dockerfile.cuda": REPOSITORY,
    DEPLOY / "compose" / "Dockerfile": REPOSITORY,
    # Its sources come from a build context of its own.
    DEPLOY / "Dockerfile.model": None,
}
# The image's tag has a version: neither absent nor one that moves.
PINNED = re.compile(r".+:[^:@/]*\d[^:@/]*(@sha256:[0-9a-f]{64})?$|.+@sha256:[0-9a-f]{64}$")
# Distroless images have no versions; the Debian release is in the name.
DISTROLESS = "gcr.io/distroless/cc-debian12:nonroot"


def instructions(text):
    """(keyword, arguments) of each instruction, with continued lines joined."""
    lines = [line for line in text.splitlines() if not re.match(r"\s*#", line)]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    for line in joined.splitlines():
        if line.strip():
            keyword, _, rest = line.strip().partition(" ")
            yield keyword.upper(), rest.strip()


def copied(text):
    """(flags, sources, target) of each COPY."""
    for keyword, rest in instructions(text):
        if keyword == "COPY":
            words = shlex.split(rest)
            flags = [word for word in words if word.startswith("--")]
            *sources, target = [word for word in words if not word.startswith("--")]
            yield flags, sources, target


def stages(text):
    """The names of the build stages."""
    found = [
        re.search(r" AS (\S+)$", rest, re.IGNORECASE) for kind, rest in instructions(text) if kind == "FROM"
    ]
    return [match[1] for match in found if match]


def base_images(text):
    """Images that a Dockerfile begins from, without its own stages and build arguments."""
    own = stages(text)
    bases = [rest.split()[0] for keyword, rest in instructions(text) if keyword == "FROM"]
    return [base for base in bases if base not in own and not base.startswith("${")]


def ignored(path, patterns):
    """Whether .dockerignore keeps a path from the build; the last pattern that matches decides."""
    result = False
    for pattern in patterns:
        include, name = pattern.startswith("!"), pattern.lstrip("!")
        if (
            name == "*"
            or path == name
            or path.startswith(f"{name}/")
            or (include and name.startswith(f"{path}/"))
        ):
            result = not include
    return result


def dockerfile_complaints(path, context):
    """Sources that are not there or not sent, stages that do not exist, images that are not pinned."""
    text, found = path.read_text(encoding="utf-8"), []
    name = path.relative_to(REPOSITORY)
    patterns = [
        line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    for flags, sources, _ in copied(text):
        origin = next((flag.split("=")[1] for flag in flags if flag.startswith("--from=")), None)
        if origin is not None:
            if context is not None and origin not in stages(text):
                found.append(f"{name}: COPY --from={origin}, but there is no such stage")
            continue
        for source in sources:
            if not (context / source).exists():
                found.append(f"{name}: COPY {source}: not there")
            elif ignored(source, patterns):
                found.append(f"{name}: COPY {source}: .dockerignore keeps it out")
    for image in base_images(text):
        if image != DISTROLESS and not PINNED.fullmatch(image):
            found.append(f"{name}: {image} has no version")
    if re.search(r"^\s*(ENV )?\s*LOOKALIKE__", text, re.MULTILINE):
        found.append(f"{name}: a LOOKALIKE__ variable would overrule every configuration file")
    if not re.search(r"^USER \d+", text, re.MULTILINE) and context is not None:
        found.append(f"{name}: no USER by number")
    return found


def hadolint_complaints(hadolint):
    command = [str(hadolint), "--no-color", "--failure-threshold", "style", *map(str, DOCKERFILES)]
    result = subprocess.run(command, capture_output=True, text=True)
    said = (result.stdout + result.stderr).splitlines()
    return said if result.returncode else []


def compose_complaints(loader):
    """What the loader of Docker Compose refuses, files that are not there, and images without version."""
    file = DEPLOY / "compose.yaml"
    result = subprocess.run(
        [str(loader), "--format", "json", str(file)], capture_output=True, text=True, cwd=DEPLOY
    )
    if result.returncode != 0:
        return [f"compose.yaml: {result.stderr.strip()}"], {}
    model, found = json.loads(result.stdout), []
    for name, service in model["services"].items():
        build, image = service.get("build"), service.get("image", "")
        if not PINNED.fullmatch(image):
            found.append(f"compose.yaml: {name}: {image!r} has no version")
        if build:
            context = build["context"]
            dockerfile = (REPOSITORY / "deploy" / context).resolve() / build["dockerfile"]
            if dockerfile not in DOCKERFILES:
                found.append(f"compose.yaml: {name}: {dockerfile} is not among the Dockerfiles")
        for volume in service.get("volumes", []):
            if volume["type"] == "bind" and not (DEPLOY / volume["source"]).exists():
                found.append(f"compose.yaml: {name}: {volume['source']} is not there")
        for port in service.get("ports", []):
            if port.get("host_ip") != "127.0.0.1":
                found.append(f"compose.yaml: {name}: port {port.get('published')} is open to other machines")
    return found, model["services"]


def wiring_complaints(services):
    """Addresses in the files that compose.yaml mounts, of services that it does not have."""
    files = ["compose/lookalike.yaml", "prometheus/prometheus.yaml"]
    files += ["grafana/provisioning/datasources/prometheus.yaml"]
    texts = {name: (DEPLOY / name).read_text(encoding="utf-8") for name in files}
    environment = [service.get("environment") or {} for service in services.values()]
    texts["compose.yaml"] = "\n".join(f"{value}" for one in environment for value in one.values())
    found = [
        f"{name}: {host} is no service of compose.yaml"
        for name, text in texts.items()
        for host in addressed(text)
        if host not in services
    ]
    dashboards = (DEPLOY / "grafana/provisioning/dashboards/lookalike.yaml").read_text(encoding="utf-8")
    folder = re.search(r"^ +path: (\S+)$", dashboards, re.MULTILINE)[1]
    targets = [volume["target"] for volume in services["grafana"]["volumes"]]
    if not any(target.startswith(f"{folder}/") for target in targets):
        found.append(f"compose.yaml: no dashboard is mounted in {folder}, where Grafana looks")
    return found


def addressed(text):
    """Hosts of `host:port` in a text, without those that mean the machine itself."""
    code = re.sub(r"#.*", "", text)
    hosts = re.findall(r"(?:^|[\s/@\[\"'])([a-z][a-z0-9-]*):\d{2,5}\b", code, re.MULTILINE)
    return sorted(set(hosts) - {"localhost"})


def difference_complaints():
    """Dockerfile.cuda has to build the worker from the same sources, by the same commands."""
    kept = [
        {
            (keyword, rest)
            for keyword, rest in instructions((DEPLOY / name).read_text(encoding="utf-8"))
            if (keyword == "COPY" and "--from" not in rest and "onnxruntime" not in rest)
            or (keyword == "RUN" and "cargo" in rest)
        }
        for name in ("Dockerfile", "Dockerfile.cuda")
    ]
    return [f"only one of both Dockerfiles has: {' '.join(one)}" for one in sorted(kept[0] ^ kept[1])]


def plain_directory(folder):
    """An empty folder with what the stage `build` of deploy/Dockerfile copies, and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for flags, sources, target in copied((DEPLOY / "Dockerfile").read_text(encoding="utf-8")):
        if flags or target.startswith("/"):
            continue
        for source in sources:
            into = (
                folder / target
                if len(sources) == 1 and not target.endswith("/")
                else folder / target / source.split("/")[-1]
            )
            into.parent.mkdir(parents=True, exist_ok=True)
            if (REPOSITORY / source).is_dir():
                shutil.copytree(REPOSITORY / source, into, dirs_exist_ok=True)
            else:
                shutil.copyfile(REPOSITORY / source, into)
    return folder
