"""An S3 server: versitygw on a folder, and uploads with signed requests."""

import datetime
import hashlib
import hmac
import http.client
import os
import shutil
import subprocess
from urllib.parse import quote

from processes import Died, free_port

MODULE = "github.com/versity/versitygw/cmd/versitygw"
VERSION = "v1.8.0"
ACCESS_KEY = "lookalike"
SECRET_KEY = "lookalike-secret"
REGION = "us-east-1"
START_SECONDS = 30


def install(cache):
    """The server's binary, built once for each version."""
    binary = cache / f"versitygw-{VERSION}" / "versitygw"
    if binary.exists():
        return binary
    partial = cache / "versitygw.partial"
    shutil.rmtree(partial, ignore_errors=True)
    # CGO off: the server needs no C, and a fresh machine's Go should not ask for it.
    env = {**os.environ, "GOBIN": str(partial), "CGO_ENABLED": "0"}
    result = subprocess.run(["go", "install", f"{MODULE}@{VERSION}"], env=env, capture_output=True, text=True)
    if result.returncode != 0:
        raise Died(f"could not build {MODULE}@{VERSION}: {result.stderr}")
    os.replace(partial, binary.parent)
    return binary


class S3:
    def __init__(self, binary, data, processes):
        self.binary = binary
        self.data = data
        self.processes = processes
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.server = None

    def start(self):
        (self.data / "objects").mkdir(parents=True)
        (self.data / "metadata").mkdir()
        self.launch()

    def stop(self):
        self.server.kill()

    def launch(self):
        """Starts the server on its folder and waits until it answers."""
        objects, metadata = self.data / "objects", self.data / "metadata"
        argv = [self.binary, "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--quiet"]
        # A folder for the metadata: not every file system has extended attributes.
        argv += ["posix", "--sidecar", metadata, objects]
        credentials = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY}
        self.server = self.processes.start("s3", argv, credentials)
        self.server.wait_listening(self.port, START_SECONDS)

    def create_bucket(self, bucket):
        self.put(f"/{bucket}", b"")

    def upload(self, bucket, key, body):
        self.put(f"/{bucket}/{key}", body)

    def put(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        path = quote(path)
        connection.request("PUT", path, body, signed_headers("PUT", f"127.0.0.1:{self.port}", path, body))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        if response.status != 200:
            raise Died(f"S3 PUT {path}: {response.status} {answer.decode(errors='replace')}")


def signed_headers(method, host, path, body):
    """AWS Signature Version 4 for a request without a query."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day, moment = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = "\n".join([method, path, "", lines, names, digest])
    scope = f"{day}/{REGION}/s3/aws4_request"
    summary = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{SECRET_KEY}".encode()
    for part in [*scope.split("/"), "\n".join(["AWS4-HMAC-SHA256", moment, scope, summary])]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return headers
