"""The site shows what the snapshot holds, needs no other server, and is written whole or not at all."""

import errno
import fcntl
import re
import shutil

import duckdb
import polars as pl
import pytest

from tasks.checksums import COMMIT, commit_folder, read_commit
from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.report.previous import Previous
from tasks.report.site import swapped_in, write_pages, write_site
from tasks.report.text import feature_page
from tests.damage import flip
from tests.sample_tables import both_loads
from tests.sample_tables.planted import CROSSCODER, DEAD, FEATURES
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.markup import References, text_of

LIVE = [feature for feature in range(FEATURES) if feature not in DEAD]


@pytest.mark.parametrize("name", ["site", "early"])
def test_every_picture_says_what_it_shows(name, request):
    pictures = [
        picture
        for page in request.getfixturevalue(name).rglob("*.html")
        for picture in re.findall(r"<img .*?>", page.read_text())
    ]
    assert len(pictures) > 100
    assert [each for each in pictures if not re.search(r'alt="[^"]+"|aria-hidden="true"', each)] == []


@pytest.mark.parametrize("name", ["site", "early"])
def test_every_reference_leads_to_a_file_of_the_site(name, request):
    pages = list(request.getfixturevalue(name).rglob("*.html"))
    references = [(page, reference) for page in pages for reference in References(page.read_text()).found]
    assert len(references) > 10 * len(pages)
    files = [(page, each.split("#")[0]) for page, each in references if not each.startswith("data:")]
    broken = [(page.name, file) for page, file in files if not (page.parent / file).exists()]
    assert broken == []


@pytest.mark.parametrize(
    "kind",
    [
        *("activation_set", "dictionary", "family_analysis", "dimension_analysis", "unit_set"),
        *("concept_analysis", "attack_experiment", "facet_analysis", "trust_analysis"),
    ],
)
def test_what_has_a_key_is_shown_by_its_label_with_the_key_in_full(early, kind):
    labels = snapshot_of(both_loads()).connection.sql(f"FROM {kind}_labels()").fetchall()
    pages = [text_of(page.read_text()) for page in early.rglob("*.html")]
    assert labels
    for key, label in labels:
        assert any(label in text and key in text for text in pages), label


def test_nothing_is_fetched_from_elsewhere(site):
    written = [path for path in site.rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
    text = "".join(path.read_text() for path in written).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|\bfetch\(|@import|XMLHttpRequest", text) == []


def test_without_tuning_families_dimensions_and_attacks_there_are_no_pages_of_them(tables, tmp_path):
    other = ("tun", "unit_sets", "neuron", "famil", "dimension", "concept", "cav", "attack", "facet", "trust")
    kept = {table: frame for table, frame in tables.items() if not any(part in table for part in other)}
    del kept["curve_detectors"]
    write_pages(snapshot_of(kept), tmp_path, lambda done, total: None)
    assert {path.name for path in tmp_path.glob("*.html")} == {"index.html", "features.html", "lineage.html"}
    text = "".join(path.read_text() for path in tmp_path.rglob("*.html"))
    assert "curves.html" not in text
    assert "neurons.html" not in text
    assert "families" not in text
    assert "dimensions.html" not in text
    assert "attacks.html" not in text


def test_without_a_published_snapshot_the_command_to_run_is_named(settings):
    with pytest.raises(UserError, match=r"nothing is published.*kaleidoscope run atlas"):
        write_site(settings)
    assert not settings.site_dir.exists()


@pytest.fixture
def published(published_template, settings):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    return settings


def test_site_is_written_from_the_published_snapshot(published):
    told = []
    index = write_site(published, lambda done, total: told.append((done, total)))
    assert index == published.site_dir / "index.html"
    assert "audits passed" in index.read_text()
    assert told[-1] == (2 * len(LIVE), 2 * len(LIVE))


def test_the_same_site_is_not_written_again(published):
    index = write_site(published)
    written = published.site_dir.resolve()
    assert write_site(published, lambda done, total: pytest.fail("a page was written")) == index
    assert published.site_dir.resolve() == written


def page_is_damaged(settings, monkeypatch):
    flip(settings.site_dir / "features.html", 500)


def patch_is_missing(settings, monkeypatch):
    next((settings.site_dir / "patches").iterdir()).unlink()


def checksums_are_missing(settings, monkeypatch):
    (settings.site_dir / COMMIT).unlink()


def link_is_missing(settings, monkeypatch):
    settings.site_dir.unlink()


def code_has_changed(settings, monkeypatch):
    monkeypatch.setattr("tasks.report.site.code_sha256", lambda: "f" * 64)


def snapshot_is_another(settings, monkeypatch):
    snapshot = settings.published_file.resolve()
    snapshot.chmod(0o644)
    with duckdb.connect(str(snapshot)) as connection:
        connection.execute("DELETE FROM audit_results")
    other = snapshot.rename(snapshot.with_name(f"{file_sha256(snapshot)}.duckdb"))
    settings.published_file.unlink()
    settings.published_file.symlink_to(other)


@pytest.mark.parametrize(
    "change",
    [page_is_damaged, patch_is_missing, checksums_are_missing, link_is_missing, code_has_changed, snapshot_is_another],
)
def test_a_site_that_is_damaged_or_of_something_else_is_written_again(published, monkeypatch, change):
    write_site(published)
    before = published.site_dir.resolve()
    patches = {path.name for path in (before / "patches").iterdir()}
    change(published, monkeypatch)
    write_site(published)
    assert published.site_dir.resolve() != before
    assert {path.name for path in (published.site_dir / "patches").iterdir()} == patches
    assert "Features" in (published.site_dir / "features.html").read_text()
    commit = read_commit(published.site_dir.resolve(), "write it again")
    assert commit["snapshot"] == published.published_file.resolve().stem


def test_what_stays_the_same_is_linked_and_the_rest_written(published, monkeypatch):
    write_site(published)
    before = published.site_dir.resolve()
    snapshot_is_another(published, monkeypatch)
    write_site(published)
    after = published.site_dir.resolve()
    assert after != before
    shared = {path.name for path in after.rglob("*") if path.is_file() and is_shared(before, after, path)}
    assert {path.name for path in (after / "patches").iterdir()} <= shared
    assert {path.name for path in (after / "features").iterdir()} <= shared
    assert "index.html" not in shared  # it says how many audits passed
    read_commit(after, "write it again")


def is_shared(before, after, path):
    old = before / path.relative_to(after)
    return old.exists() and old.samefile(path)


def test_a_site_with_linked_files_is_the_one_that_is_written_anew(tables, tmp_path):
    """The type of a feature is on its page, on those of its neighbours, and in the gallery."""

    def write(name, rows, previous=None):
        (tmp_path / name).mkdir()
        write_pages(snapshot_of(rows), tmp_path / name, lambda done, total: None, previous)
        files = [str(file.relative_to(tmp_path / name)) for file in (tmp_path / name).rglob("*") if file.is_file()]
        commit_folder(tmp_path / name, files)
        return tmp_path / name

    first = write("first", tables)
    symmetry = tables["feature_symmetry"].with_columns(
        type=pl.when(pl.col("feature") == 3).then(pl.lit("mixed")).otherwise("type")
    )
    changed = tables | {"feature_symmetry": symmetry}
    linked, anew = write("linked", changed, Previous(first)), write("anew", changed)
    assert files_of(linked) == files_of(anew)
    written = {path.name for path in (linked / "features").iterdir() if not is_shared(first, linked, path)}
    near = tables["feature_neighbours"].filter(dictionary_id=CROSSCODER, neighbour=3)["feature"].to_list()
    # the pages of its family and their order of types name it too
    assert {feature_page(CROSSCODER, feature) for feature in {3, *near} & set(LIVE)} <= written
    assert len(written) < len(LIVE)  # of two dictionaries


def files_of(site):
    return {
        path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file() and path.name != COMMIT
    }


def test_a_failed_write_leaves_the_old_site_and_nothing_else(tmp_path):
    site = tmp_path / "site"
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("old")

    def fail_half_way():
        with swapped_in(site) as folder:
            (folder / "index.html").write_text("new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert (site / "index.html").read_text() == "old"
    assert len(list(tmp_path.glob("site-versions/[!.]*"))) == 1
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("new")
        assert (site / "index.html").read_text() == "old"
    assert (site / "index.html").read_text() == "new"


def test_a_full_disk_is_told_in_one_line(tmp_path):
    def fill_the_disk():
        with swapped_in(tmp_path / "site"):
            raise OSError(errno.ENOSPC, "no space left on device")

    with pytest.raises(UserError, match="no space left to write"):
        fill_the_disk()
    assert not (tmp_path / "site").exists()


def test_what_killed_writers_left_is_cleared(tmp_path):
    (tmp_path / "site-versions" / "half").mkdir(parents=True)
    with swapped_in(tmp_path / "site") as folder:
        pass
    assert list(tmp_path.glob("site-versions/[!.]*")) == [folder]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_as_many_sites_stay_as_are_to_be_kept(tmp_path, keep):
    written = []
    for number in range(5):
        with swapped_in(tmp_path / "site", keep) as folder:
            (folder / "index.html").write_text(str(number))
        written.append(folder)
    assert (tmp_path / "site/index.html").read_text() == "4"
    assert set(tmp_path.glob("site-versions/[!.]*")) == set(written[-keep:])


def test_a_folder_of_someone_else_is_not_touched(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="was not written by"), swapped_in(tmp_path / "site"):
        pytest.fail("nothing may be written")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]


def test_two_writers_do_not_mix(tmp_path):
    site = tmp_path / "site"
    with swapped_in(site) as folder:
        (folder / "index.html").write_text("old")
    with open(tmp_path / "site-versions/.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another process is writing"), swapped_in(site):
            pytest.fail("nothing may be written")
    assert (site / "index.html").read_text() == "old"
