"""What a person may write in a `KALEIDOSCOPE_…` variable."""

import os
import pwd
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tasks.errors import UserError
from tasks.settings import ROOT, Settings, sqlite_url

FOLDERS = ("data_dir", "weights_dir", "images_dir")
ODD = "da ta?x#y%20é'\"&;@:+*[a]{b}$HOME\\"


def from_environment(monkeypatch, name: str, value: str) -> Settings:
    monkeypatch.setenv(f"KALEIDOSCOPE_{name.upper()}", value)
    return Settings()


@pytest.fixture
def home(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_tilde_is_the_home_folder(monkeypatch, home, name):
    assert getattr(from_environment(monkeypatch, name, "~/kdata"), name) == home / "kdata"
    assert getattr(from_environment(monkeypatch, name, "~"), name) == home
    assert getattr(from_environment(monkeypatch, name, "/x/~/y"), name) == Path("/x/~/y")


@pytest.mark.parametrize("name", FOLDERS)
def test_the_home_folder_of_somebody_named(monkeypatch, name):
    user = pwd.getpwuid(os.getuid())
    assert getattr(from_environment(monkeypatch, name, f"~{user.pw_name}/k"), name) == Path(user.pw_dir, "k")
    with pytest.raises(UserError) as refused:
        from_environment(monkeypatch, name, "~nobody-is-called-this/k")
    assert str(refused.value) == (
        f"KALEIDOSCOPE_{name.upper()}: the home folder ~nobody-is-called-this is not known: write the whole path"
    )


@pytest.mark.parametrize("blank", ["", " ", "\t"])
@pytest.mark.parametrize(("name", "unset"), [("data_dir", ROOT / "data"), *((name, None) for name in FOLDERS[1:])])
def test_a_blank_variable_is_as_good_as_none(monkeypatch, name, unset, blank):
    assert getattr(from_environment(monkeypatch, name, blank), name) == unset


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_tracking_uri_is_as_good_as_none(monkeypatch, blank):
    settings = from_environment(monkeypatch, "tracking_uri", blank)
    assert settings.mlflow_database == settings.data_dir / "mlflow" / "mlflow.db"


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("character", ["\n", "\x1b", "\udcff"])
def test_a_folder_that_no_log_could_name_is_refused_in_one_line(name, character):
    with pytest.raises(UserError, match=f"^KALEIDOSCOPE_{name.upper()}: .* rename the folder$") as refused:
        Settings(**{name: f"/x{character}y"})
    assert str(refused.value).isprintable()


def test_each_wrong_variable_has_one_line(monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_DATA_DIR", "~nobody-is-called-this")
    with pytest.raises(UserError) as refused:
        from_environment(monkeypatch, "images_dir", "~nor-this")
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "KALEIDOSCOPE_DATA_DIR",
        "KALEIDOSCOPE_IMAGES_DIR",
    ]


@pytest.mark.parametrize("name", ["plain", "two words", ODD])
def test_a_database_url_leads_back_to_its_file(tmp_path, name):
    file = tmp_path / name / "some.db"
    file.parent.mkdir()
    url = sqlite_url(file)
    assert make_url(url).database == str(file)
    assert not make_url(url).query
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sqlite3.connect(file).execute("SELECT count(*) FROM t").fetchone() == (0,)
    assert Settings(tracking_uri=url).mlflow_database == file


def test_a_tracking_database_is_the_same_one_from_everywhere(monkeypatch, home, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Settings(tracking_uri="sqlite:///runs.db").mlflow_database == tmp_path / "runs.db"
    settings = Settings(tracking_uri="sqlite:///~/runs.db?timeout=9")
    assert settings.mlflow_database == home / "runs.db"
    assert make_url(settings.mlflow_tracking_uri).query == {"timeout": "9"}


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "postgresql://me@there/runs", "sqlite:///:memory:"])
def test_another_tracking_uri_is_left_alone(uri):
    settings = Settings(tracking_uri=uri)
    assert settings.mlflow_tracking_uri == uri
    assert settings.mlflow_database is None
