"""Files of the site before are linked only where they are the same and undamaged."""

import pytest

from tasks.checksums import commit_folder
from tasks.report.previous import Previous
from tests.damage import flip


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "a.html").write_bytes(b"the page")
    commit_folder(folder, ["a.html"])
    return folder


@pytest.fixture
def fresh(tmp_path):
    folder = tmp_path / "fresh"
    folder.mkdir()
    return folder


def test_a_page_with_the_same_content_is_linked(site, fresh):
    assert Previous(site).link_equal("a.html", b"the page", fresh)
    assert (fresh / "a.html").samefile(site / "a.html")


@pytest.mark.parametrize(("name", "content"), [("a.html", b"another page"), ("b.html", b"the page")])
def test_another_page_is_not(site, fresh, name, content):
    assert not Previous(site).link_equal(name, content, fresh)
    assert list(fresh.iterdir()) == []


def test_a_damaged_page_is_not(site, fresh):
    flip(site / "a.html", 3)
    assert not Previous(site).link_equal("a.html", b"the page", fresh)
    assert list(fresh.iterdir()) == []


def test_a_site_that_was_not_committed_gives_nothing(site, fresh):
    (site / "checksums.json").unlink()
    assert not Previous(site).link_equal("a.html", b"the page", fresh)


def test_there_may_be_no_site(fresh):
    assert not Previous().link_equal("a.html", b"the page", fresh)
    assert not Previous().link_made("patches/a.webp", "0" * 64, fresh)
