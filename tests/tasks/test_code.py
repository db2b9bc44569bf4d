"""The SHA-256 of the code changes with every source file, and with nothing else."""

import pytest

from tasks import code
from tasks.code import code_sha256, sha256_of


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "tasks"
    (folder / "report").mkdir(parents=True)
    (folder / "keys.py").write_text("one = 1\n")
    (folder / "report" / "page.html").write_text("<p>one</p>\n")
    return folder


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("keys.py", "one = 2\n"),
        ("report/page.html", "<p>two</p>\n"),
        ("more.py", ""),
        ("audit.sql", "SELECT 1"),
        ("page.js", "1"),
        ("page.css", "p {}"),
    ],
)
def test_a_changed_or_added_source_changes_it(sources, path, text):
    before = sha256_of([sources])
    (sources / path).write_text(text)
    assert sha256_of([sources]) != before


def test_a_moved_or_deleted_source_changes_it(sources):
    seen = {sha256_of([sources])}
    (sources / "keys.py").rename(sources / "key.py")
    seen.add(sha256_of([sources]))
    (sources / "key.py").unlink()
    seen.add(sha256_of([sources]))
    assert len(seen) == 3


def test_other_files_and_the_folder_above_do_not_change_it(sources, tmp_path):
    before = sha256_of([sources])
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "keys.cpython-311.pyc").write_bytes(b"compiled")
    moved = sources.rename(tmp_path / "elsewhere").rename(tmp_path / "tasks")
    assert sha256_of([moved]) == before


def test_another_version_of_a_library_changes_it(sources, monkeypatch):
    before = sha256_of([sources])
    monkeypatch.setattr(code, "version", lambda library: "99.0")
    assert sha256_of([sources]) != before


def test_it_covers_views_audits_templates_and_modules():
    found = {file.name for folder in code.FOLDERS for file in folder.rglob("*") if file.suffix in code.SUFFIXES}
    assert found >= {"feature_catalogue.sql", "runs.sql", "features_are_complete.sql", "feature.html", "site.py"}
    assert found >= {"expectations.py", "site.css", "plots.js", "mark.svg", "types.css"}
    assert code_sha256() == sha256_of(code.FOLDERS)
