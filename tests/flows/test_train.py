"""The train flow with several processes: it starts them itself and files what they trained."""

import pytest

from flows.config import read_config
from flows.train import TrainConfig, train
from tasks.dictionary.store import provenance_of
from tasks.dictionary.train import dictionary_key
from tasks.errors import UserError
from tasks.tracking.store import tracking
from tests.faults.runs import TRAIN

SMALL = [argument.removeprefix("--set=") for argument in TRAIN[2:]]


def test_a_batch_that_the_processes_can_not_share_is_refused():
    with pytest.raises(UserError, match=r"dictionary\.batch_size = 32 can't be split over 3 processes: change one"):
        read_config(TrainConfig, None, [*SMALL, "processes=3"])


@pytest.mark.usefixtures("prefect_api")
def test_the_flow_starts_the_processes_and_files_the_dictionary(settings):
    config = read_config(TrainConfig, None, [*SMALL, "processes=2"])
    dictionary = train(config).content_keys["dictionary"]
    [activation_set] = [path.name for path in settings.activations_dir.glob("[!.]*")]
    assert dictionary == dictionary_key(activation_set, config.dictionary), "the number of processes isn't in the key"
    made = provenance_of(dictionary, settings)
    assert made is not None
    with tracking(settings) as client:
        [version] = client.search_model_versions("name = 'topk-group-crosscoder'")
    assert version.tags["dictionary"] == dictionary
    assert (settings.staging_dir / made["flow_run_id"]).is_dir(), "the processes know the flow run"
