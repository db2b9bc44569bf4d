import shutil

import pytest

from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.warehouse import snapshot
from tasks.warehouse.query import catalogue, query
from tests.sample_tables import sample_tables
from tests.sample_tables.planted import CROSSCODER, FEATURES


def test_a_query_gives_its_rows(published):
    rows = query(
        "SELECT architecture, count(*) AS n FROM features JOIN dictionaries USING (dictionary_id) GROUP BY ALL",
        published,
    )
    assert sorted(rows.iter_rows()) == [("group-crosscoder", FEATURES), ("sae", FEATURES)]


def test_shorthands_that_analysts_use_work(published):
    assert query("FROM networks", published)["network"].to_list() == sample_tables()["networks"]["network"].to_list()
    assert "density" in query("DESCRIBE features", published)["column_name"].to_list()
    assert query("SUMMARIZE features", published).height == 7
    pivoted = query("PIVOT features ON dead USING count(*) GROUP BY dictionary_id", published)
    assert pivoted.filter(dictionary_id=CROSSCODER)["true"].item() == 4


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
    "CALL enable_logging(storage='file', storage_path='{folder}/log')",
    "CALL enable_profiling(format='json', save_location='{folder}/profile.json')",
    "EXPLAIN ANALYZE CALL enable_logging()",
    "EXPLAIN CALL checkpoint()",
    "EXPLAIN (ANALYZE, FORMAT json) CREATE TEMP TABLE mine AS SELECT 1",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/stolen.csv'",
    "PRAGMA enable_profiling",
    "PRAGMA import_database('{folder}')",
    "CREATE TEMP TABLE mine (a INTEGER)",
    "CREATE MACRO mine() AS 1",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "USE memory",
    "PREPARE mine AS SELECT 1",
    "EXECUTE mine",
    "COMMENT ON TABLE features IS 'mine'",
    "PIVOT features ON dead USING count(*) GROUP BY dictionary_id; DROP TABLE features",
    "FROM query('DROP TABLE features')",
    "FROM json_execute_serialized_sql(json_serialize_sql('DROP TABLE features'))",
    "FROM read_duckdb('{secret}')",
    "SELECT Delimiter FROM sniff_csv('{secret}')",
    "FROM parquet_scan('{secret}')",
    "FROM sqlite_scan('{secret}', 't')",
    "FROM duckdb_extensions()",
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
    rows = sample_tables()["runs"]
    assert rows.height == 1
    with pytest.raises(UserError, match="rows does not exist"):
        query("SELECT * FROM rows", published)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT colour FROM features", 'column "colour" not found'),
        ("SELECT * FROM no_such_table", "no_such_table does not exist"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("", "empty"),
        (" -- nothing\n", "empty"),
        ("SELECT 1; SELECT 2", "these are 2 statements; run one at a time"),
        ("SELECT INTERVAL 1 DAY AS d", "a DataFrame can't hold a INTERVAL exactly: cast column d to VARCHAR"),
        ("SELECT 1::UHUGEINT AS h", "cast column h to VARCHAR"),
        ("SELECT [1::HUGEINT] AS h", "cast column h to VARCHAR"),
        ("SELECT {'at': 'infinity'::TIMESTAMP} AS s", "cast column s to VARCHAR"),
        ("SELECT 170141183460469231731687303715884105727 AS h", "Could not cast value 17014"),
        ("SELECT 'infinity'::TIMESTAMP AS t", "a DataFrame can't hold an infinite TIMESTAMP"),
        ("SELECT '-infinity'::DATE AS d", "a DataFrame can't hold an infinite DATE"),
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
    rows = catalogue(published)
    assert rows.columns == ["kind", "name", "comment", "columns", "rows"]
    assert all(comment.startswith("one row per ") for comment in rows["comment"])
    row = rows.filter(name="features").to_dicts()[0]
    assert (row["kind"], row["rows"]) == ("table", 2 * FEATURES)
    assert row["columns"].startswith("dictionary_id, feature, atom_dimension, density")
    view = rows.filter(name="feature_catalogue").to_dicts()[0]
    assert (view["kind"], view["rows"]) == ("view", None)


def test_sums_of_integers_are_exact(published):
    rows = query("SELECT sum(x) AS s FROM (VALUES (9007199254740993::BIGINT)) t(x)", published)
    assert int(rows["s"].item()) == 9007199254740993


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS a;", "-- a note\nSELECT 1 AS a -- another\n;", "/* a; b */ SELECT 1 AS a", "SELECT 1 AS a; ;"]
)
def test_comments_and_a_closing_semicolon_are_no_statements(published, sql):
    assert query(sql, published)["a"].to_list() == [1]


@pytest.mark.parametrize("options", ["", "ANALYZE ", "(FORMAT json) "])
def test_what_reads_can_be_explained(published, options):
    explained = query(f"EXPLAIN {options}SELECT dead FROM features WHERE density > 0", published)
    assert "features" in explained["explain_value"].item()


def test_a_snapshot_that_a_publication_removes_meanwhile_is_looked_up_again(published, monkeypatch):
    """Two publications happen between the look at the link and the opening of the file."""
    check = snapshot._check

    def removed_before(file, link):
        monkeypatch.setattr(snapshot, "_check", check)
        renamed = file.with_name(f"{file_sha256(published.warehouse_file)}.duckdb")
        shutil.copy(published.warehouse_file, renamed)
        link.unlink()
        link.symlink_to(renamed)
        file.unlink()
        check(file, link)

    monkeypatch.setattr(snapshot, "_check", removed_before)
    assert query("SELECT count(*) AS n FROM runs", published)["n"].item() == 1


def test_a_folder_with_a_question_mark_has_no_way_out_either(published_template, tmp_path):
    """DuckDB takes `?` in a path for the begin of parameters."""
    settings = Settings(data_dir=tmp_path / "what? data")
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    with snapshot.open_snapshot(settings.published_file) as connection:
        assert connection.execute("SELECT count(*) FROM main.dictionaries").fetchone() == (2,)
        for setting, value in snapshot.NO_WAY_OUT.items():
            assert str(connection.execute(f"SELECT current_setting('{setting}')").fetchone()[0]).lower() == value
    with pytest.raises(UserError), snapshot.open_snapshot(settings.published_file) as connection:
        connection.execute(f"SELECT * FROM read_text('{__file__}')")
    with pytest.raises(UserError), snapshot.open_snapshot(settings.published_file) as connection:
        connection.execute("SET enable_external_access = true")
