"""An S3-compatible store on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Start moto's server with an empty bucket `bucket`; yield s3fs's file system. The environment has its address."""
    moto = pytest.importorskip("moto.server", reason="moto, the S3-compatible store of the tests, is not installed")
    s3fs = pytest.importorskip("s3fs", reason="s3fs, which opens s3://, is not installed")
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    files = s3fs.S3FileSystem(skip_instance_cache=True)
    files.mkdir("bucket")
    try:
        yield files
    finally:
        files.rm("bucket", recursive=True)  # moto keeps the buckets of a server that has stopped
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()
