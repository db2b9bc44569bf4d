from tasks.quarantine import in_quarantine, set_aside


def test_a_folder_is_moved_with_its_reason(settings):
    folder = settings.staging_dir / "abc"
    folder.mkdir(parents=True)
    (folder / "features.parquet").write_bytes(b"x")
    path = set_aside(folder, "its checksum is wrong", settings)
    assert not folder.exists()
    assert path.parent == settings.quarantine_dir / "frames"
    assert (path / "features.parquet").read_bytes() == b"x"
    [one] = in_quarantine(settings)
    assert (one.path, str(one.came_from), one.reason) == (path, "frames/abc", "its checksum is wrong")


def test_the_same_thing_is_set_aside_twice_and_both_stay(settings):
    for content in (b"first", b"second"):
        settings.published_file.parent.mkdir(parents=True, exist_ok=True)
        settings.published_file.write_bytes(content)
        set_aside(settings.published_file, "changed", settings)
    assert [one.path.read_bytes() for one in in_quarantine(settings)] == [b"first", b"second"]


def test_a_reason_whose_thing_was_never_moved_says_nothing(settings):
    folder = settings.staging_dir / "abc"
    folder.mkdir(parents=True)
    path = set_aside(folder, "foreign", settings)
    path.rmdir()
    assert in_quarantine(settings) == []


def test_what_is_set_aside_is_a_warning_and_what_is_gone_is_not(settings, caplog):
    settings.staging_dir.mkdir(parents=True)
    (settings.staging_dir / "abc").write_bytes(b"x")
    set_aside(settings.staging_dir / "abc", "foreign", settings)
    assert set_aside(settings.staging_dir / "abc", "foreign", settings) is None
    assert len(in_quarantine(settings)) == 1
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == f"frames/abc was set aside in {settings.quarantine_dir / 'frames'}: foreign"
