import pytest

from tasks.errors import UserError
from tasks.warehouse.query import catalogue, query
from tests.sample_frames import CROSSCODER, FEATURES, sample_frames


def test_a_query_gives_a_frame(published):
    frame = query(
        "SELECT architecture, count(*) AS n FROM features JOIN dictionaries USING (dictionary) GROUP BY ALL", published
    )
    assert sorted(frame.iter_rows()) == [("group-crosscoder", FEATURES), ("sae", FEATURES)]


def test_shorthands_that_analysts_use_work(published):
    assert query("FROM networks", published)["network"].to_list() == sample_frames()["networks"]["network"].to_list()
    assert "density" in query("DESCRIBE features", published)["column_name"].to_list()
    assert query("SUMMARIZE features", published).height == 7
    pivoted = query("PIVOT features ON dead USING count(*) GROUP BY dictionary", published)
    assert pivoted.filter(dictionary=CROSSCODER)["true"].item() == 4


WAYS_OUT = [
    "CREATE TABLE mine (a INTEGER)",
    "INSERT INTO runs SELECT * FROM runs",
    "UPDATE features SET dead = true",
    "DELETE FROM features",
    "DROP VIEW feature_catalogue",
    "ALTER TABLE features ADD COLUMN mine INTEGER",
    "SELECT 1; DROP TABLE features",
    "COPY features TO '{folder}/stolen.csv'",
    "COPY (SELECT 1) TO '{folder}/stolen.parquet' (FORMAT parquet)",
    "EXPORT DATABASE '{folder}/stolen'",
    "ATTACH '{folder}/other.duckdb'",
    "ATTACH '{secret}'",
    "ATTACH ':memory:' AS other",
    "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_text('{secret}')",
    "SELECT * FROM read_blob('{secret}')",
    "SELECT * FROM read_parquet('{secret}')",
    "SELECT * FROM '{secret}'",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_csv('http://localhost/secret.csv')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET python_enable_replacements = true",
]


@pytest.mark.parametrize("sql", WAYS_OUT)
def test_there_is_no_way_out_of_the_snapshot(published, tmp_path, sql):
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")
    published_bytes = published.published_file.read_bytes()
    with pytest.raises(UserError, match=r"^query failed: ") as refusal:
        query(sql.format(folder=tmp_path, secret=secret), published)
    assert "\n" not in str(refusal.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "secret.csv"]
    assert published.published_file.read_bytes() == published_bytes


def test_names_are_never_python_variables(published):
    frame = sample_frames()["runs"]
    assert frame.height == 1
    with pytest.raises(UserError, match="frame does not exist"):
        query("SELECT * FROM frame", published)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT colour FROM features", 'column "colour" not found'),
        ("SELECT * FROM no_such_table", "no_such_table does not exist"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("", "empty"),
        (" -- nothing\n", "empty"),
        ("SELECT INTERVAL 1 DAY", "cast odd columns to VARCHAR"),
    ],
)
def test_mistakes_are_told_in_one_line(published, sql, message):
    with pytest.raises(UserError, match=message) as refusal:
        query(sql, published)
    assert "\n" not in str(refusal.value)


def test_nothing_published_says_what_to_run(settings):
    with pytest.raises(UserError, match=r"nothing is published at .*kaleidoscope run atlas"):
        query("SELECT 1", settings)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.99])
def test_a_flipped_byte_is_noticed(published, place):
    snapshot = published.published_file.resolve()
    snapshot.chmod(0o644)
    with open(snapshot, "rb+") as file:
        file.seek(int(place * snapshot.stat().st_size))
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(UserError, match=f"{published.published_file} was changed after it was published"):
        query("SELECT 1", published)


def test_another_file_in_its_place_is_noticed(published):
    published.published_file.unlink()
    published.published_file.write_bytes(published.warehouse_file.read_bytes())
    with pytest.raises(UserError, match="was changed after it was published"):
        query("SELECT 1", published)


def test_a_link_to_nothing_is_told(published):
    published.published_file.resolve().unlink()
    with pytest.raises(UserError, match=r"can't read the published file .*No such file"):
        query("SELECT 1", published)


def test_the_catalogue_lists_tables_and_views_with_their_grain(published):
    frame = catalogue(published)
    assert frame.columns == ["kind", "name", "comment", "columns", "rows"]
    assert all(comment.startswith("one row per ") for comment in frame["comment"])
    row = frame.filter(name="features").to_dicts()[0]
    assert (row["kind"], row["rows"]) == ("table", 2 * FEATURES)
    assert row["columns"].startswith("dictionary, feature, atom_dimension, density")
    view = frame.filter(name="feature_catalogue").to_dicts()[0]
    assert (view["kind"], view["rows"]) == ("view", None)
