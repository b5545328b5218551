"""A step with the feeder of deploy/compose.yaml: it sends the catalogue that is there already."""

import hashlib
import os
import shutil
import subprocess
import sys

from s3 import ACCESS_KEY, SECRET_KEY
from story import require

FEED_SECONDS = 120


def packages(cache, requirements):
    """The feeder's Python packages, installed once for each content of its requirements."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache / f"feeder-{sys.version_info.major}.{sys.version_info.minor}-{digest}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--only-binary=:all:", "--target", str(partial), "--requirement", str(requirements)]
        # With --target, pip also complains of packages that are none of its business.
        result = subprocess.run(command, capture_output=True, text=True)
        require(result.returncode == 0, f"pip cannot install the feeder's packages:\n{result.stderr[-2000:]}")
        os.replace(partial, folder)
    return folder


def catalogue_again(story):
    """the quickstart's feeder sends the same catalogue with the same versions"""
    source = story.repository / "deploy" / "compose"
    environment = {
        "PYTHONPATH": str(packages(story.cache, source / "feeder-requirements.txt")),
        "KAFKA_BOOTSTRAP_SERVERS": story.kafka.bootstrap,
        "S3_ENDPOINT": story.s3.url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    command = [sys.executable, str(source / "feeder.py"), str(story.catalogue.path)]
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=FEED_SECONDS, env={**os.environ, **environment}
    )
    require(
        result.returncode == 0,
        f"the feeder ended with {result.returncode}\n{result.stdout}{result.stderr[-2000:]}",
    )
    sent = len(story.catalogue.articles) + story.catalogue.image_count
    require(f"{sent} events of " in result.stdout, f"not {sent} events: {result.stdout}")
    story.fed += sent
    story.wait_quiet()
    return f"{sent} events; the lists are compared next"
