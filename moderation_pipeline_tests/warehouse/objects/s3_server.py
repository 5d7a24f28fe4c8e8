"""A real S3 server on a local port (moto's), that can be stopped and started again; its objects outlive that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest


class S3Server:
    """A server with one bucket."""

    def __init__(self) -> None:
        moto = pytest.importorskip("moto.server", reason="needs the extras fleet and fleet-tests")
        pytest.importorskip("s3fs", reason="needs the extra fleet")
        self._new = moto.ThreadedMotoServer
        self._server = self._new(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        _, self.port = self._server.get_host_and_port()
        self.bucket = f"bucket-{uuid4().hex}"

    @property
    def address(self) -> str:
        """Where in it the warehouse is."""
        return f"s3://{self.bucket}/warehouse"

    @property
    def environment(self) -> dict[str, str]:
        """What a machine is told to find it, in AWS's own words."""
        return self.environment_at(self.port)

    @staticmethod
    def environment_at(port: int) -> dict[str, str]:
        """Return what finds a server at a port."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def make_bucket(self) -> None:
        """Make the bucket."""
        import boto3

        keys = {"aws_access_key_id": "made-up", "aws_secret_access_key": "made-up"}
        client = boto3.client("s3", endpoint_url=self.environment["AWS_ENDPOINT_URL"], **keys)
        client.create_bucket(Bucket=self.bucket)

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()

    def start(self) -> None:
        """Answer again, at the same port, with the same objects."""
        self._server = self._new(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Give a server; without what it needs the test is skipped, and says so."""
    server = S3Server()
    try:
        server.make_bucket()
        yield server
    finally:
        server.stop()
