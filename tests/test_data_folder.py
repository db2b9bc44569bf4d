"""A data folder that can't be used: every command says so in one line; what only reads goes on where it can."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows import cli, doctor
from tasks.settings import Settings

WRITING = {
    "run": ("run", "publish"),
    "fit": ("fit",),
    "up": ("up", "--prefect-port", "5977", "--mlflow-port", "5978"),
}
CHANGING = {
    "migrate": ("migrate",),
    "delete": ("gc", "--delete"),
}
READING = {
    "sql": ("sql", "SELECT 1"),
    "page": ("page",),
    "verify": ("verify",),
    "gc": ("gc",),
    "backup": ("backup", "there"),
    "trust": ("trust", "exemplars"),
}


def regular_file(place: Path) -> str:
    place.write_text("not a folder")
    return "is a file, not a folder"


def dangling_link(place: Path) -> str:
    place.symlink_to("nowhere")
    return "is a link to a path that does not exist"


STATES = [regular_file, dangling_link]


@pytest.fixture(params=[*STATES, "inside a file"], ids=["a file", "a dangling link", "inside a file"])
def unusable(request, tmp_path, monkeypatch) -> str:
    """What is wrong with the data folder that the environment names."""
    place = tmp_path / "place"
    state = regular_file if request.param == "inside a file" else request.param
    why = f"{place} {state(place)}"
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", str(place if state is request.param else place / "data"))
    monkeypatch.chdir(tmp_path)
    return why


@pytest.fixture
def read_only(settings, published_template, monkeypatch):
    """A published data folder on a file system that is mounted read-only."""
    folder = settings.data_dir
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {mounted.stderr.strip()}")
    try:
        shutil.copytree(published_template.data_dir, folder, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(settings.site_dir.with_name("site-versions"), ignore_errors=True)  # so that the page is written
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield settings
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def the_line(result: tuple[int, str, str]) -> str:
    code, _, err = result
    assert code == 2, err
    [line] = [line for line in err.splitlines() if line.startswith("kaleidoscope: ")]
    assert "Traceback" not in err
    return line


@pytest.mark.parametrize("command", WRITING)
def test_what_writes_says_in_one_line_why_it_can_not(kaleidoscope, unusable, command):
    line = the_line(kaleidoscope(*WRITING[command]))
    assert line.startswith("kaleidoscope: can't write into ")
    assert f": {unusable}; correct that, or set KALEIDOSCOPE_DATA_DIR" in line


@pytest.mark.parametrize("command", READING)
def test_what_reads_is_one_line_too(kaleidoscope, unusable, command):
    the_line(kaleidoscope(*READING[command]))


def test_doctor_says_what_is_wrong_with_it(unusable):
    finding = doctor._data_folder(Settings().data_dir)
    assert finding.state == "missing"
    assert unusable in finding.detail


class TestReadOnly:
    @pytest.mark.parametrize("command", [*WRITING, "page", "migrate", "delete"])
    def test_what_writes_says_so_in_one_line(self, kaleidoscope, read_only, command):
        line = the_line(kaleidoscope(*(WRITING | CHANGING | READING)[command]))
        assert "read-only" in line
        assert str(read_only.data_dir) in line

    def test_what_is_listed_or_copied_is_read(self, kaleidoscope, read_only, tmp_path):
        code, out, err = kaleidoscope("gc", "--format", "json")
        assert (code, json.loads(out)) == (0, []), err
        copy = tmp_path / "copy"
        code, _, err = kaleidoscope("backup", str(copy))
        assert code == 0, err
        snapshot = read_only.published_file.resolve()
        assert (copy / snapshot.relative_to(read_only.data_dir)).read_bytes() == snapshot.read_bytes()

    def test_the_published_snapshot_is_read(self, kaleidoscope, read_only):
        code, out, err = kaleidoscope("sql", "SELECT count(*) AS n FROM dictionaries", "--format", "csv")
        assert (code, out) == (0, "n\n2\n"), err

    def test_doctor_says_so(self, read_only):
        finding = doctor._data_folder(read_only.data_dir)
        assert finding.state == "missing"
        assert "is on a read-only file system" in finding.detail


def test_an_error_that_is_not_the_disks_goes_on(monkeypatch, settings):
    def broken() -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(sys, "argv", ["kaleidoscope"])
    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(ConnectionResetError):
        cli.main()
