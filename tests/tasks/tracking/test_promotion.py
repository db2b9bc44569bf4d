"""Promotion: which version of a registered model becomes champion, and when nothing has to be considered again."""

import pytest

from tasks.tracking import promotion
from tasks.tracking.promotion import champion_of, is_better, promote, promote_all
from tasks.tracking.store import tracking


class Candidates:
    """A registry whose versions are tags alone: all that promotion looks at."""

    def __init__(self, settings):
        self.settings = settings
        with tracking(settings) as client:
            client.create_registered_model("topk-sae")

    def add(self, fvu, l0, layer="mixed3b", group_order=1):
        tags = {"network": "inceptionv1-bvlc", "layer": layer, "group_order": str(group_order)}
        with tracking(self.settings) as client:
            version = client.create_model_version("topk-sae", "file:///nowhere", tags=tags | {"fvu": fvu, "l0": l0})
            client.set_registered_model_alias("topk-sae", "candidate", version.version)
        return int(version.version)

    def promote(self, audits_hold=True):
        return promote("topk-sae", audits_hold, self.settings)

    def holder(self, alias="champion"):
        with tracking(self.settings) as client:
            (model,) = client.search_registered_models()
        return int(model.aliases[alias]) if alias in model.aliases else None


@pytest.fixture
def candidates(settings):
    return Candidates(settings)


def test_a_store_that_did_not_change_is_not_considered_again(candidates, monkeypatch):
    first = candidates.add(0.3, 32.0)
    assert promote_all(["topk-sae"], candidates.settings) == ["topk-sae"]
    with monkeypatch.context() as patch:
        patch.setattr(promotion, "tracking", lambda settings: pytest.fail("the store was opened"))
        assert promote_all(["topk-sae"], candidates.settings) == []
    assert candidates.holder() == first


def test_a_new_version_a_lost_champion_and_new_code_are_considered(candidates, monkeypatch):
    settings = candidates.settings
    candidates.add(0.3, 32.0)
    promote_all(["topk-sae"], settings)
    better = candidates.add(0.2, 32.0)
    assert promote_all(["topk-sae"], settings) == ["topk-sae"]
    assert candidates.holder() == better
    with tracking(settings) as client:
        client.delete_registered_model_alias("topk-sae", "champion")
    assert promote_all(["topk-sae"], settings) == ["topk-sae"]
    assert candidates.holder() is not None
    considered = []
    monkeypatch.setattr(promotion, "promote", lambda name, *rest: considered.append(name))
    promote_all(["topk-sae"], settings)
    assert considered == []
    promote_all(["topk-sae", "relu-sae"], settings)
    monkeypatch.setattr(promotion, "code_sha256", lambda: "f" * 64)
    promote_all(["topk-sae", "relu-sae"], settings)
    assert considered == ["topk-sae", "relu-sae"] * 2


def test_a_store_of_another_kind_is_always_considered(settings, monkeypatch):
    server = settings.model_copy(update={"tracking_uri": "http://127.0.0.1:5000"})
    considered = []
    monkeypatch.setattr(promotion, "promote", lambda name, *rest: considered.append(name))
    for _ in range(2):
        promote_all(["topk-sae"], server)
    assert considered == ["topk-sae"] * 2


def test_the_first_candidate_becomes_champion_when_the_audits_hold(candidates):
    first = candidates.add(0.3, 32.0)
    assert not candidates.promote(audits_hold=False)
    assert candidates.holder() is None
    assert candidates.promote()
    assert candidates.holder() == first
    assert not candidates.promote()  # it can't better itself


@pytest.mark.parametrize(
    ("fvu", "l0", "moves"),
    [(0.2, 32.0, True), (0.2, 31.0, True), (0.2, 32.5, False), (0.3, 31.0, False), (0.4, 31.0, False)],
)
def test_champion_moves_only_for_a_better_fvu_at_no_higher_l0(candidates, fvu, l0, moves):
    first = candidates.add(0.3, 32.0)
    candidates.promote()
    second = candidates.add(fvu, l0)
    assert not candidates.promote(audits_hold=False)
    assert candidates.holder() == first
    assert candidates.promote() is moves
    assert candidates.holder() == (second if moves else first)
    assert candidates.holder("champion-inceptionv1-bvlc-mixed3b-g1") == (second if moves else first)


def test_another_layer_or_group_has_a_champion_of_its_own(candidates):
    first = candidates.add(0.3, 32.0)
    candidates.promote()
    other_layer = candidates.add(0.1, 8.0, layer="conv2d0")
    assert not candidates.promote()
    other_group = candidates.add(0.1, 8.0, group_order=16)
    assert not candidates.promote()
    assert candidates.holder() == first
    assert candidates.holder(champion_of("inceptionv1-bvlc", "conv2d0", 1)) == other_layer
    assert candidates.holder(champion_of("inceptionv1-bvlc", "mixed3b", 16)) == other_group


def test_every_version_since_the_last_publication_is_considered(candidates):
    first_of_layer = candidates.add(0.3, 8.0, layer="conv2d0")
    best = candidates.add(0.2, 32.0)
    candidates.add(0.4, 32.0)
    assert candidates.promote()
    assert candidates.holder() == first_of_layer
    assert candidates.holder(champion_of("inceptionv1-bvlc", "conv2d0", 1)) == first_of_layer
    assert candidates.holder(champion_of("inceptionv1-bvlc", "mixed3b", 1)) == best


def test_an_alias_that_was_set_by_hand_stays_until_a_better_version_comes(candidates):
    candidates.add(0.2, 32.0)
    worse = candidates.add(0.3, 32.0)
    candidates.promote()
    with tracking(candidates.settings) as client:
        client.set_registered_model_alias("topk-sae", "champion", str(worse))
    assert not candidates.promote()
    assert candidates.holder() == worse
    better = candidates.add(0.1, 32.0)
    assert candidates.promote()
    assert candidates.holder() == better


def test_a_champion_that_was_deleted_is_replaced(candidates):
    first, second = candidates.add(0.2, 32.0), candidates.add(0.3, 32.0)
    candidates.promote()
    assert candidates.holder() == first
    with tracking(candidates.settings) as client:
        client.delete_model_version("topk-sae", str(first))
    assert candidates.promote()
    assert candidates.holder() == second


def test_a_method_that_nobody_registered_has_nothing_to_promote(settings):
    assert not promote("topk-sae", True, settings)


def test_better_is_compared_as_numbers():
    tags = {"network": "n", "layer": "l", "group_order": "1"}
    assert is_better(tags | {"fvu": "9e-2", "l0": "9.5"}, tags | {"fvu": "0.1", "l0": "10.0"})


def test_alias_of_a_layer_keeps_to_mlflows_letters():
    assert champion_of("efficientnet_lite0", "blocks.5", 16) == "champion-efficientnet_lite0-blocks-5-g16"
