"""A block-sparse SAE of a real layer goes through what an SAE goes through, and is refused where it can't."""

import polars as pl
import pytest
import torch

from tasks.activations.shards import activation_tables
from tasks.dictionary.ablation import ablate_features, logit_changes
from tasks.dictionary.analyse import analyse, analysis_key, details_key
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.exchange.exporting import export_dictionary
from tasks.dictionary.feature_matches import match_features, matches_key
from tasks.dictionary.heat_maps import draw_heat_maps
from tasks.dictionary.orbit_prediction import measure_equivariance
from tasks.dictionary.reconstruction_loss import measure_splicing
from tasks.dictionary.stability import measure_stability
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.dimensions.analyse import analyse_dimensions
from tasks.dimensions.config import DimensionsConfig
from tasks.errors import UserError
from tasks.families.analyse import analyse_families
from tasks.families.config import FamiliesConfig
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged
from tasks.warehouse.audit import run_audits
from tasks.warehouse.database import open_warehouse
from tasks.warehouse.load import load
from tests.tasks.dictionary.small_analysis import FEW, MODULE, small_analysis

BLOCKS = DictionaryConfig(architecture="sae", method="block-topk", atom_dimension=3, **FEW)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Settings, activation set, keys of a plain and of a block-sparse SAE, and of a replica of the latter."""
    plain = small_analysis(tmp_path_factory.mktemp("blocks"))
    blocks = train(plain.acts.key, BLOCKS, plain.settings)
    analyse(blocks, plain.settings)
    replica = train(plain.acts.key, BLOCKS.model_copy(update={"seed": 1}), plain.settings)
    return plain.settings, plain.acts, plain.sae, blocks, replica


def test_all_that_is_staged_passes_the_audits(small, settings: Settings):
    place, acts, sae, blocks, replica = small
    match_features((sae, blocks), place)
    keys = [analysis_key(sae), analysis_key(blocks), details_key(blocks)]
    keys += [matches_key(*pair) for pair in ((sae, blocks), (blocks, sae), (blocks, replica))]
    keys += draw_heat_maps((blocks,), place)
    keys += [ablate_features(blocks, 2, place), measure_equivariance(blocks, place), measure_splicing(blocks, place)]
    keys += measure_stability(blocks, (replica,), place)
    load("set", activation_tables(acts), settings)
    for key in keys:
        assert is_staged(key, place)
        assert load(key, read_staged(key, place), settings)
    with open_warehouse(settings) as connection:
        assert [result for result in run_audits(connection) if not result.passed] == []
        query = (
            "SELECT DISTINCT method, atom_dimension FROM features JOIN dictionaries USING (dictionary_id) ORDER BY 1"
        )
        assert connection.execute(query).fetchall() == [("block-topk", 3), ("topk", 1)]


def test_a_feature_is_ablated_with_all_its_atoms(small, lite0):
    place, acts, _, key, _ = small
    dictionary, features = load_dictionary(key, place), read_staged(analysis_key(key), place)["feature_examples"]
    feature, image = features.select("feature", "image_id").row(0)
    pairs = pl.DataFrame({"feature": [feature], "image_id": [image]})
    found_k = logit_changes(dictionary, acts, pairs, place)[feature][0]
    atoms = slice(3 * feature, 3 * feature + 3)

    def without(module, arguments, acts_bcyx):
        rows_pc = acts_bcyx[0].flatten(1).T
        code_pa = torch.zeros(len(rows_pc), dictionary.config.atoms)
        code_pa[:, atoms] = dictionary.code(rows_pc)[:, atoms]
        added_pc = dictionary.decode(code_pa)[:, 0] - dictionary.decode(torch.zeros_like(code_pa))[:, 0]
        return acts_bcyx - added_pc.T.reshape(acts_bcyx.shape)

    images = acts.plan.frame(image)[None].float() / 255
    clean_k = lite0.logits(images)[0]
    hook = lite0.module.get_submodule(MODULE).register_forward_hook(without)
    try:
        torch.testing.assert_close(found_k, lite0.logits(images)[0] - clean_k, atol=2e-4, rtol=1e-3)
    finally:
        hook.remove()
    assert found_k.abs().max() > 1e-3


def test_what_needs_one_vector_per_feature_refuses_in_one_line(small, tmp_path):
    place, acts, _, blocks, _ = small
    with pytest.raises(UserError, match="has features of several dimensions"):
        analyse_families(blocks, FamiliesConfig(), place)
    with pytest.raises(UserError, match="has features of 3 dimensions"):
        analyse_dimensions(acts.key, blocks, DimensionsConfig(), place)
    with pytest.raises(UserError, match="is block-sparse, and sae-lens has no such class"):
        export_dictionary(blocks, "sae-lens", tmp_path / "folder", place)
