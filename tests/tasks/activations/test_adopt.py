"""Sets as e2a2564 left them: their JSON files get checksums of their own, and nothing is extracted again."""

import hashlib
import json

import pytest

from tasks.activations import extract as extraction
from tasks.activations import plan as planning
from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionPlan, plan
from tasks.activations.shards import ActivationSet
from tasks.checksums import Damaged, read_document, write_document
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tests.damage import flip, flipped
from tests.tasks.activations.small_set import before_centres
from tests.tasks.activations.test_extract import contents


def as_before_checksums(folder, finished: bool = True) -> None:
    documents = {path: read_document(path, "") for path in folder.glob("*.json")}
    for path, document in documents.items():
        if path.name.startswith("shard-"):
            path.write_text(json.dumps(document["shard"]))
    text = json.dumps(before_centres(documents[folder / "plan.json"]), indent=1)
    (folder / "plan.json").write_text(text)
    manifest = documents[folder / "manifest.json"] | {"plan_sha256": hashlib.sha256(text.encode()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
    if not finished:
        (folder / "manifest.json").unlink()


@pytest.fixture(scope="module")
def small_config(small_config):
    """That code transformed images about the receptive field's centre."""
    return small_config.model_copy(update={"centre": "receptive field"})


@pytest.fixture(scope="module")
def small_template(small_config, tmp_path_factory):
    """The small set, with a plan that says what plans said before effective centres were measured."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("older"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planning, "write_document", lambda path, plan: write_document(path, before_centres(plan)))
        return extract(small_config, settings), settings


@pytest.fixture(autouse=True)
def older_plans(monkeypatch):
    """Sets that are extracted again have such plans too, so that all files can be compared."""
    monkeypatch.setattr(planning, "write_document", lambda path, plan: write_document(path, before_centres(plan)))


@pytest.fixture
def whole(small_key, settings) -> dict[str, str]:
    """Checksums of the set's files, as the code of today writes them."""
    return contents(settings.activations_dir / small_key)


@pytest.mark.parametrize("finished", [True, False])
def test_a_set_gets_the_documents_of_today(small_key, small_config, settings, whole, monkeypatch, finished):
    folder = settings.activations_dir / small_key
    as_before_checksums(folder, finished)
    monkeypatch.setattr(extraction, "write_shard", None)  # nothing is extracted again
    if finished:
        assert ActivationSet.open(small_key, settings).read(0).isfinite().all()
    extract(small_config, settings)
    assert contents(folder) == whole
    assert in_quarantine(settings) == []


def test_one_that_was_stopped_on_the_way_is_gone_on_with(small_key, settings, whole, monkeypatch):
    folder = settings.activations_dir / small_key
    as_before_checksums(folder)
    documents = {path: path.read_bytes() for path in folder.glob("*.json")}
    adopted = [folder / f"shard-{index:05d}.json" for index in range(6)] + [folder / "manifest.json"]
    for stopped_after in range(len(adopted) + 1):
        ActivationSet.open(small_key, settings)
        assert contents(folder) == whole
        for path, before in documents.items():
            if path not in adopted[:stopped_after]:
                path.write_bytes(before)
    ActivationSet.open(small_key, settings)
    assert contents(folder) == whole


def opened(key, config, settings, finished) -> ExtractionPlan:
    """The plan as a reader of a finished set gets it, or the extraction that goes on with an unfinished one."""
    return ActivationSet.open(key, settings).plan if finished else plan(config, settings)


def says(made: ExtractionPlan) -> tuple:
    return made.config, made.network, made.layer, made.images.frames, made.rows.rows()


@pytest.mark.parametrize("finished", [True, False])
def test_a_plan_with_a_flipped_bit_is_not_believed(small_key, small_config, settings, finished, monkeypatch):
    folder = settings.activations_dir / small_key
    expected = says(ActivationSet.open(small_key, settings).plan)
    as_before_checksums(folder, finished)
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    monkeypatch.setattr(planning, "_write_plan", None)  # what is damaged is not made anew here
    refused = 0
    for bit in range(0, 8 * len(before[folder / "plan.json"]), 101 if finished else 2_003):
        for path, content in before.items():
            path.write_bytes(content)
        (folder / "plan.json").write_bytes(flipped(before[folder / "plan.json"], bit))
        try:
            assert says(opened(small_key, small_config, settings, finished)) == expected
        except (Damaged, TypeError) as error:  # TypeError: None is called to make it anew
            refused += isinstance(error, Damaged) or "NoneType" in str(error)
    assert refused > 3


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize("bit", [3, 150, 333, 500, 777])
def test_a_damaged_receipt_is_made_anew(small_key, small_config, settings, whole, finished, bit):
    folder = settings.activations_dir / small_key
    as_before_checksums(folder, finished)
    flip(folder / "shard-00002.json", bit)
    extract(small_config, settings)
    assert contents(folder) == whole


@pytest.mark.parametrize("name", ["manifest.json", "shard-00002.safetensors", "images.parquet"])
def test_so_is_whatever_else_was_damaged(small_key, small_config, settings, whole, name):
    folder = settings.activations_dir / small_key
    as_before_checksums(folder)
    flip(folder / name, 1_001)
    with pytest.raises(Damaged, match=name):
        ActivationSet.open(small_key, settings).read(2)
    extract(small_config, settings)
    assert contents(folder) == whole
    assert f"activations/{small_key}/{name}" in [str(aside.came_from) for aside in in_quarantine(settings)]


def test_receipts_that_changed_places_are_made_anew(small_key, small_config, settings, whole):
    folder = settings.activations_dir / small_key
    as_before_checksums(folder)
    one, other = folder / "shard-00001.json", folder / "shard-00002.json"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    extract(small_config, settings)
    assert contents(folder) == whole
