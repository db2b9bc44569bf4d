"""The training loop on planted orbits: it finds the truth, stops and resumes without a trace, and fails in one line."""

import json
import math

import polars
import pytest
import torch
from safetensors.torch import load_file
from scipy.optimize import linear_sum_assignment

from tasks.activations.shards import ActivationSet
from tasks.checksums import COMMIT, Damaged, commit_folder, commit_of
from tasks.dictionary import store
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.jumprelu import FIRST_THRESHOLD, SPEED
from tasks.dictionary.methods import OF_ONE_ATOM
from tasks.dictionary.metrics import cosine_matrix, evaluate
from tasks.dictionary.train import BEFORE_CHECKSUMS, dictionary_key, learning_rate_at, train, train_together
from tasks.errors import UserError
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tests.damage import flip
from tests.tasks.dictionary.conftest import PlantedOrbits

SMALL = {"features": 16, "k": 2, "steps": 60, "batch_size": 32, "checkpoint_every": 10, "log_every": 5}


@pytest.fixture
def place(tmp_path):
    return Settings(data_dir=tmp_path)


PENALTY = {"relu": 0.6, "gated": 0.6, "jumprelu": 0.5}
FEATURES = {"relu": 16, "gated": 16, "jumprelu": 16}
"""Of the others, which choose k features, dictionaries this small miss an atom or two from some seeds."""


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@pytest.mark.parametrize("shape", ["sae", "identity", "orbit"])
def test_recovers_planted_atoms(planted_set, place, method, shape):
    """Every method finds the truth, matched one to one."""
    architecture = {"architecture": "sae"} if shape == "sae" else {"encode_from": shape}
    config = DictionaryConfig(
        method=method, features=FEATURES.get(method, 24), k=2, sparsity=PENALTY.get(method, 0), steps=900,
        batch_size=64, learning_rate=5e-3, dead_after_rows=2000, orbit_reuse=False, **architecture,
    )  # fmt: skip
    key = train("planted", config, place)
    found_mgd = store.load_dictionary(key, place).blocks()
    cosine = cosine_matrix(planted_set.atoms_mgd[:, : found_mgd.shape[1]], found_mgd).numpy()
    rows, columns = linear_sum_assignment(cosine, maximize=True)
    metrics = store.read_metrics(key, place)
    assert cosine[rows, columns].mean() >= 0.9
    assert metrics["fvu"] < 0.25
    assert metrics["l0"] <= 4


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@pytest.mark.parametrize("encode_from", ["identity", "orbit"])
def test_recovers_planted_band_limited_atoms(monkeypatch, place, method, encode_from):
    """The blocks of a band-limited dictionary are the planted ones, also when the saved one is read again."""
    planted = PlantedOrbits(n_rotations=6, harmonics=1)
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: planted)
    config = DictionaryConfig(
        method=method, features=FEATURES.get(method, 24), k=2, sparsity=PENALTY.get(method, 0), steps=900,
        batch_size=64, harmonics=1, learning_rate=5e-3, dead_after_rows=2000, orbit_reuse=False,
        encode_from=encode_from,
    )  # fmt: skip
    key = train("planted", config, place)
    dictionary = store.load_dictionary(key, place)
    assert dictionary.decoder.weight.shape == (6, config.features, planted.channels)
    cosine = cosine_matrix(planted.atoms_mgd, dictionary.blocks()).numpy()
    rows, columns = linear_sum_assignment(cosine, maximize=True)
    assert cosine[rows, columns].mean() >= 0.9
    description = store.describe(key, place)
    assert [description[name] for name in ("group_order", "n_rotations", "reflections")] == [12, 6, True]
    metrics = store.read_metrics(key, place)
    assert metrics["fvu"] == evaluate(dictionary, planted).fvu < 0.25


SHAPES = {
    "sae": {"architecture": "sae"},
    "crosscoder": {},
    "band-limited": {"harmonics": 0},
    "band-limited, from the orbit": {"harmonics": 0, "encode_from": "orbit"},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", OF_ONE_ATOM)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(planted_set, tmp_path, shape, method):
    config = DictionaryConfig(method=method, dead_after_rows=100, **SHAPES[shape], **SMALL)
    whole, broken = Settings(data_dir=tmp_path / "whole"), Settings(data_dir=tmp_path / "broken")
    key = train("planted", config, whole)
    with pytest.raises(KeyboardInterrupt):
        train("planted", config, broken, stop_at_35)
    assert not store.is_whole(key, broken)
    steps_seen = []
    assert train("planted", config, broken, lambda done, total: steps_seen.append(done)) == key
    assert steps_seen[0] == 35  # from the checkpoint at 30, not from the start

    expected, resumed = (load_file(store.folder_of(key, s) / "model.safetensors") for s in (whole, broken))
    assert expected.keys() == resumed.keys()
    for name in expected:
        assert torch.equal(expected[name], resumed[name]), name
    history, again = (polars.read_parquet(store.folder_of(key, s) / "history.parquet") for s in (whole, broken))
    assert history.equals(again)
    assert not list(store.folder_of(key, broken).glob("checkpoint*"))


def test_a_trained_dictionary_is_not_trained_again(planted_set, place):
    key = train("planted", DictionaryConfig(**SMALL), place)
    model = store.folder_of(key, place) / "model.safetensors"
    before = model.stat().st_mtime_ns
    assert train("planted", DictionaryConfig(**SMALL), place) == key
    assert model.stat().st_mtime_ns == before


def test_training_together_gives_what_training_alone_gives(planted_set, tmp_path):
    configs = [
        DictionaryConfig(**SMALL),
        DictionaryConfig(**SMALL | {"k": 3, "learning_rate": 3e-3}),
        DictionaryConfig(method="relu", sparsity=0.1, **SMALL | {"steps": 35, "features": 9}),
    ]
    together, alone = Settings(data_dir=tmp_path / "together"), Settings(data_dir=tmp_path / "alone")
    reads = []
    keys = train_together("planted", configs, together, lambda done, total: reads.append((done, total)))
    assert reads[-1] == (155, 155)
    assert list(keys.values()) == [None] * 3
    for key, config in zip(keys, configs, strict=True):
        assert train("planted", config, alone) == key
        expected, found = (load_file(store.folder_of(key, s) / "model.safetensors") for s in (alone, together))
        assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_rows_are_read_once_for_all_that_train_together(planted_set, place, monkeypatch):
    reads, read = [], planted_set.read
    monkeypatch.setattr(planted_set, "read", lambda shard: reads.append(shard) or read(shard))
    train("planted", DictionaryConfig(**SMALL), place)
    of_one = [shard for shard in reads if shard != 3]
    reads.clear()
    train_together("planted", [DictionaryConfig(**SMALL | {"k": k}) for k in (1, 3, 4)], place)
    of_three = [shard for shard in reads if shard != 3]
    first_rows = 1  # each draws its initial features from the stream's beginning
    assert len(of_three) <= len(of_one) + 2 * first_rows


def test_together_the_others_finish_when_one_diverges(planted_set, place):
    good, bad = DictionaryConfig(**SMALL), DictionaryConfig(**SMALL | {"learning_rate": 1e30})
    outcome = train_together("planted", (bad, good), place)
    failure = outcome[dictionary_key("planted", bad)]
    assert "topk-group-crosscoder diverged at step 5; lower learning_rate" in str(failure)
    assert store.trained(place) == (dictionary_key("planted", good),)


def test_together_is_refused_where_the_rows_differ(planted_set, place):
    configs = [DictionaryConfig(**SMALL), DictionaryConfig(**SMALL | {"batch_size": 16})]
    with pytest.raises(UserError, match="must have the same batch_size, not 16 and 32"):
        train_together("planted", configs, place)


def stop_at_35(done, total):
    if done == 35:
        raise KeyboardInterrupt


def stopped(config, place):
    """Train until there is a checkpoint; returns it."""
    with pytest.raises(KeyboardInterrupt):
        train("planted", config, place, stop_at_35)
    [checkpoint] = store.folder_of(dictionary_key("planted", config), place).glob("checkpoint*")
    return checkpoint


def first_step(config, place) -> int:
    """Where a training goes on, five steps later."""
    steps = []
    train("planted", config, place, lambda done, total: steps.append(done))
    return steps[0] - 5


def test_a_checkpoint_of_another_configuration_is_set_aside(planted_set, place):
    config, changed = DictionaryConfig(**SMALL), DictionaryConfig(**SMALL | {"learning_rate": 1e-4})
    left = stopped(config, place)
    moved = store.folder_of(dictionary_key("planted", changed), place) / left.name
    moved.parent.mkdir()
    moved.write_bytes(left.read_bytes())
    assert first_step(changed, place) == 0
    [aside] = in_quarantine(place)
    assert "was left by the training of another dictionary" in aside.reason


@pytest.mark.parametrize("bit", [*range(64, 96), *range(1_000, 200_000, 10_001)])
def test_a_damaged_checkpoint_is_set_aside_and_the_training_starts_anew(planted_set, place, caplog, bit):
    config = DictionaryConfig(**SMALL | {"steps": 40, "checkpoint_every": 30})
    flip(stopped(config, place), bit)
    assert first_step(config, place) == 0
    [aside] = in_quarantine(place)
    assert "is damaged (its checksum is wrong): training goes on without it" in aside.reason
    assert "was set aside" in caplog.text


def test_of_two_checkpoints_the_newest_that_is_whole_counts(planted_set, place):
    config = DictionaryConfig(**SMALL)
    newest = stopped(config, place)
    data = newest.read_bytes()
    newest.with_name(newest.name.replace("000000030", "000000020")).write_bytes(data)
    flip(newest, 10_000)
    assert first_step(config, place) == 30  # the older one is a copy
    assert [aside.came_from.name for aside in in_quarantine(place)] == [newest.name]


def test_a_checkpoint_from_before_checksums_is_gone_on_from(planted_set, place):
    config = DictionaryConfig(**SMALL)
    checkpoint = stopped(config, place)
    checkpoint.rename(checkpoint.with_name(BEFORE_CHECKSUMS))
    assert first_step(config, place) == 30
    assert in_quarantine(place) == []


def test_one_whose_tensors_have_another_shape_is_not(planted_set, place):
    config = DictionaryConfig(**SMALL)
    checkpoint = stopped(config, place)
    data = checkpoint.read_bytes()
    checkpoint.unlink()
    header = data.replace(b'"shape":[6,16,16]', b'"shape":[16,6,16]', 1)
    assert header != data
    checkpoint.with_name(BEFORE_CHECKSUMS).write_bytes(header)
    assert first_step(config, place) == 0
    assert [aside.came_from.name for aside in in_quarantine(place)] == [BEFORE_CHECKSUMS]


def test_a_checkpoint_that_outlived_its_training_is_removed(planted_set, place):
    config = DictionaryConfig(**SMALL)
    checkpoint = stopped(config, place)
    data = checkpoint.read_bytes()
    train("planted", config, place)
    checkpoint.write_bytes(data)
    train("planted", config, place)
    assert not checkpoint.exists()


@pytest.mark.parametrize("name", [*store.FILES, COMMIT])
def test_a_damaged_dictionary_is_set_aside_and_trained_again(planted_set, place, name):
    config = DictionaryConfig(**SMALL)
    key = train("planted", config, place)
    folder = store.folder_of(key, place)
    before = {file: (folder / file).read_bytes() for file in store.FILES}
    flip(folder / name, 1_234)
    assert train("planted", config, place) == key
    [aside] = in_quarantine(place)
    assert str(aside.came_from) == f"dictionaries/{key}"
    assert name in aside.reason
    after = {file: (folder / file).read_bytes() for file in store.FILES}
    assert {file for file in store.FILES if before[file] != after[file]} == {"metrics.json"}  # other seconds
    again, first = (json.loads(files["metrics.json"]) for files in (after, before))
    assert {**again, "train_seconds": 0} == {**first, "train_seconds": 0}


def test_two_processes_that_train_the_same_write_it_once(planted_set, place, monkeypatch):
    """The second one comes to its end after the first: the seconds of a training differ, the files must not."""
    config = DictionaryConfig(**SMALL)
    evaluate_it, raced = training.evaluate, []

    def raced_by_another(*arguments):
        if not raced:
            raced.append(1)
            train("planted", config, place)
            raced.append(store.read_metrics(dictionary_key("planted", config), place))
        return evaluate_it(*arguments)

    monkeypatch.setattr(training, "evaluate", raced_by_another)
    key = train("planted", config, place)
    assert store.read_metrics(key, place) == raced[1]
    assert store.is_whole(key, place)


def test_the_key_follows_what_changes_the_model_and_nothing_else():
    base = DictionaryConfig()
    assert dictionary_key("a", base) == dictionary_key("a", base.model_copy(update={"log_every": 7}))
    assert dictionary_key("a", base) != dictionary_key("b", base)
    assert dictionary_key("a", base) != dictionary_key("a", base.model_copy(update={"seed": 1}))


def test_divergence_is_named(planted_set, place):
    config = DictionaryConfig(**SMALL | {"learning_rate": 1e30})
    with pytest.raises(UserError, match=r"diverged at step \d+; lower learning_rate"):
        train("planted", config, place)
    assert not store.is_whole(dictionary_key("planted", config), place)


def test_a_set_without_a_test_split_is_refused_before_training(planted_set, place, monkeypatch):
    monkeypatch.setattr(planted_set, "shards", planted_set.shards[:-1])
    with pytest.raises(UserError, match=r"has no train or no test split; set extraction\.test_share"):
        train("planted", DictionaryConfig(**SMALL), place)
    assert not place.dictionaries_dir.exists()


def test_a_damaged_model_is_named(planted_set, place):
    key = train("planted", DictionaryConfig(**SMALL), place)
    path = store.folder_of(key, place) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(Damaged, match=r"model\.safetensors is damaged .*: train or import it again, which sets"):
        store.load_dictionary(key, place)
    with pytest.raises(UserError, match="no trained dictionary"):
        store.load_dictionary("0" * 64, place)


def test_a_config_is_read_without_the_model(planted_set, place):
    key = train("planted", DictionaryConfig(**SMALL), place)
    flip(store.folder_of(key, place) / "model.safetensors", 3_000)
    assert store.dictionary_config(key, place) == DictionaryConfig(**SMALL)


def test_a_config_that_is_refused_today_is_named(planted_set, place):
    key = train("planted", DictionaryConfig(**SMALL), place)
    file = store.folder_of(key, place) / "config.json"
    file.write_text(file.read_text().replace('"seed": 0', '"seed": 3000000000'))
    commit_folder(file.parent, store.FILES)
    with pytest.raises(Damaged, match=r"config\.json can't be used \(Input should be less than or equal to 2147483647"):
        store.load_dictionary(key, place)


def from_before_checksums(key, place):
    """Leave the folder as e2a2564 did."""
    (store.folder_of(key, place) / COMMIT).unlink()
    return store.folder_of(key, place)


def test_a_dictionary_from_before_checksums_gets_them(planted_set, place, monkeypatch):
    key = train("planted", DictionaryConfig(**SMALL), place)
    folder = from_before_checksums(key, place)
    assert store.trained(place) == (key,)
    assert store.dictionary_config(key, place) == DictionaryConfig(**SMALL)
    assert set(commit_of(folder, "")["files"]) == set(store.FILES)
    monkeypatch.setattr(training, "_fit", None)  # nothing is trained again
    assert train("planted", DictionaryConfig(**SMALL), place) == key


@pytest.mark.parametrize("name", store.FILES)
def test_one_that_does_not_load_is_set_aside(planted_set, place, name):
    key = train("planted", DictionaryConfig(**SMALL), place)
    file = from_before_checksums(key, place) / name
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(Damaged, match=rf"{name} can't be read"):
        store.load_dictionary(key, place)
    assert not store.is_whole(key, place)
    assert len(in_quarantine(place)) == 1


def test_learning_rate_is_constant_then_falls_to_zero():
    config = DictionaryConfig(steps=100, learning_rate=1.0)
    assert [learning_rate_at(step, config) for step in (0, 80, 90, 100)] == pytest.approx([1, 1, 0.5, 0])


def test_more_harmonics_than_rotations_show_are_refused(planted_set, place):
    with pytest.raises(UserError, match="harmonics = 2 is more than 3 rotations can represent: set at most 1"):
        train("planted", DictionaryConfig(harmonics=2, **SMALL), place)


def test_a_dictionary_from_before_band_limits_still_loads(planted_set, place):
    key = train("planted", DictionaryConfig(**SMALL), place)
    blocks_mgd = store.load_dictionary(key, place).blocks()
    file = store.folder_of(key, place) / "config.json"
    description = json.loads(file.read_text())
    del description["n_rotations"], description["reflections"], description["config"]["harmonics"]
    file.write_text(json.dumps(description))
    commit_folder(file.parent, store.FILES)
    assert torch.equal(store.load_dictionary(key, place).blocks(), blocks_mgd)


@pytest.mark.parametrize(
    ("shape", "method"), [*((shape, method) for shape in SHAPES for method in ("topk", "relu")), ("steerable", "topk")]
)
def test_evaluation_equals_the_definitions(planted_set, place, shape, method):
    """FVU, L0 and cosine against one pass over everything at once, about scikit-learn's variance-weighted R²."""
    from sklearn.metrics import r2_score

    steerable = {"architecture": "steerable-crosscoder", "features": 3 * planted_set.group.order}
    config = DictionaryConfig(method=method, **SMALL | SHAPES.get(shape, steerable))
    dictionary = store.load_dictionary(train("planted", config, place), place)
    found = evaluate(dictionary, planted_set)

    group, stored = planted_set.group, planted_set.acts[3].float()
    rows_bgd = torch.cat([stored[:, group.reuse_permutation(g)] for g in range(group.order)])
    rows = rows_bgd[:, 0] if shape == "sae" else rows_bgd
    f_bm = dictionary.encode(rows)
    decoded_bgd = dictionary.decode(f_bm)
    target = rows[:, None] if shape == "sae" else rows
    r2 = r2_score(target.flatten(1), decoded_bgd.flatten(1), multioutput="variance_weighted")
    assert found.rows == len(rows)
    assert found.fvu == pytest.approx(1 - r2, rel=1e-4)
    assert found.l0 == pytest.approx((f_bm > 0).sum(1).double().mean().item())
    assert found.dead_fraction == pytest.approx((f_bm == 0).all(0).double().mean().item())
    cosine = torch.nn.functional.cosine_similarity(target.flatten(1), decoded_bgd.flatten(1))
    assert found.cosine == pytest.approx(cosine.mean().item(), rel=1e-4)
    for g, block_fvu in enumerate(found.fvu_g):
        r2 = r2_score(target[:, g], decoded_bgd[:, g], multioutput="variance_weighted")
        assert block_fvu == pytest.approx(1 - r2, rel=1e-4)


def test_thresholds_of_jumprelu_learn_more_slowly(planted_set, place):
    """Adam's first step moves a parameter by its learning rate, whatever the gradient."""
    config = DictionaryConfig(method="jumprelu", architecture="sae", **SMALL | {"steps": 1}, learning_rate=0.01)
    dictionary = store.load_dictionary(train("planted", config, place), place)
    moved_m = dictionary.threshold_m.log() - math.log(FIRST_THRESHOLD)
    assert moved_m.abs().max().item() == pytest.approx(SPEED * config.learning_rate, rel=1e-3)
