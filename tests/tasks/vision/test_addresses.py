"""Folders at URLs: a web server and an S3-compatible store on this machine, and servers that fail."""

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig, open_frames
from tests.s3 import s3_server
from tests.tasks.vision.many_sources import ADDRESSES, FILES, LABELS, write_all

[WEB, STORE] = ADDRESSES[-2:]


class Server(SimpleHTTPRequestHandler):
    """A web server of a folder, which answers requests for ranges and logs nothing; /broken/ fails."""

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        asked = self.headers.get("Range")
        if self.path.startswith("/broken/"):
            self.send_error(500)
        elif asked is None or not file.is_file() or self.path.startswith("/no-ranges/"):
            super().do_GET()
        else:
            first, last = (int(end) for end in asked.removeprefix("bytes=").split("-"))
            content = file.read_bytes()[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{first + len(content) - 1}/{file.stat().st_size}")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)


@pytest.fixture
def sources(tmp_path) -> Path:
    write_all(tmp_path / "sources")
    return tmp_path / "sources"


@pytest.fixture
def web(sources) -> Iterator[str]:
    """Address of a server of the sources."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(sources)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def opened(address: str, settings: Settings):
    return open_frames(ImagesConfig(sources=("folder",), folder=address), settings)


def test_the_documents_example_of_the_web(web, settings):
    assert opened(WEB.replace("http://127.0.0.1:8000", web), settings).frames.table["label"].to_list() == list(LABELS)


@pytest.mark.parametrize("address", ["photographs", "hub", "saved/train", "shards", "shards/train-{000..001}.tar"])
def test_every_source_on_the_web(web, sources, settings, address):
    local, remote = (
        opened(sources / address, settings) if "{" not in address else None,
        opened(f"{web}/{address}", settings),
    )
    assert len(remote) == len(FILES)
    assert local is None or remote.frames == local.frames
    assert remote.load(3).shape == (3, 224, 224)


def test_an_image_that_is_missing_on_the_web_is_set_aside(web, sources, settings):
    (sources / "photographs" / FILES[1]).unlink()
    (sources / "photographs" / FILES[2]).write_bytes(b"")
    found = opened(f"{web}/photographs/list.csv", settings)
    assert found.quarantine == ((FILES[1], "file is gone"), (FILES[2], "empty file"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/nowhere/list.csv", r"/nowhere/list\.csv does not exist: check the address"),
        ("/nowhere", "/nowhere does not exist: check the address"),
        ("/broken/list.csv", r"/broken/list\.csv can't be read \(500, .*: check address, network and credentials"),
        ("/broken/folder", r"/broken/folder can't be read \(500, .*: check address, network and credentials"),
        ("/list.csv", r"/broken/0\.png can't be read \(500, "),
    ],
)
def test_a_server_that_refuses_is_one_line(web, sources, settings, address, message):
    """Also in the middle of a list: what can't be read now might be, so that it isn't set aside."""
    (sources / "list.csv").write_text("path\nphotographs/zebra/0.png\nbroken/0.png\n")
    with pytest.raises(UserError, match=message) as refusal:
        opened(web + address, settings)
    assert "\n" not in str(refusal.value)


def test_a_server_without_ranges_is_one_line(web, sources, settings):
    (sources / "no-ranges").symlink_to(sources / "shards")
    found = opened(f"{web}/no-ranges/train-000.tar", settings)
    with pytest.raises(UserError, match=r"/no-ranges/train-000\.tar can't be read \(.*range requests"):
        found.load(1)


@pytest.mark.parametrize("address", ["list.csv", "folder", "a.tar", "a.parquet"])
def test_a_server_that_does_not_answer_is_one_line(settings, address):
    unused = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    unused.server_close()
    with pytest.raises(
        UserError, match=rf"/{address} can't be read \(.*[Cc]onnect.*\): check address, network and"
    ) as said:
        opened(f"http://127.0.0.1:{unused.server_port}/{address}", settings)
    assert "\n" not in str(said.value)


def test_a_run_that_loses_its_server_ends(web, sources, settings):
    found = opened(f"{web}/photographs", settings)
    (sources / "photographs").rename(sources / "moved")
    with pytest.raises(UserError, match=r"image horse/2\.png \(folder\) can't be read any more: file is gone"):
        found.load(0)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("nosuch://a/b.csv", "nosuch://a can't be opened: Protocol not known: nosuch"),
        ("abfs://a/b.csv", "abfs://a can't be opened: Install adlfs to access"),
    ],
)
def test_a_protocol_without_a_package_is_one_line(settings, address, message):
    with pytest.raises(UserError, match=message):
        opened(address, settings)


@pytest.fixture
def store(sources, monkeypatch) -> Iterator[None]:
    """An S3-compatible store of this machine whose bucket `bucket` holds the sources."""
    with s3_server(monkeypatch) as files:
        files.put(f"{sources}{os.sep}", "bucket/", recursive=True)
        yield


def test_every_source_in_an_s3_compatible_store(store, sources, settings):
    shards = opened(STORE, settings)
    assert sorted(shards.frames.table["label"]) == sorted(LABELS)
    for address in ("photographs", "photographs/list.csv", "hub", "saved", "shards"):
        local, remote = opened(sources / address, settings), opened(f"s3://bucket/{address}", settings)
        assert remote.frames == local.frames
    for address in ("s3://bucket/nowhere", "s3://bucket/nowhere.csv", "s3://nowhere/a.tar"):
        with pytest.raises(UserError, match=f"{address} does not exist: check the address"):
            opened(address, settings)
