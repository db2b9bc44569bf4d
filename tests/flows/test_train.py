"""The train flow with several processes, which it starts and files itself, and on streamed activations."""

import pytest

from flows.config import read_config
from flows.symmetry import SymmetryConfig, symmetry
from flows.train import TrainConfig, train
from tasks.dictionary.store import folder_of, provenance_of
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


@pytest.mark.parametrize("processes", [2, 16])
def test_a_stream_to_several_processes_is_refused(processes):
    with pytest.raises(UserError, match=rf"stream = true trains in one process, and processes = {processes}: change"):
        read_config(TrainConfig, None, [*SMALL, "stream=true", f"processes={processes}"])


@pytest.mark.usefixtures("prefect_api")
def test_a_streamed_dictionary_is_registered_and_analysed_once_its_set_is_stored(settings, capfd):
    streamed = read_config(TrainConfig, None, [*SMALL, "stream=true"])
    dictionary = train(streamed).content_keys["dictionary"]
    told = "are not analysed, which reads stored activations: run again with stream=false"
    assert told in " ".join(capfd.readouterr().err.split())
    assert not list(settings.activations_dir.glob("*/shard-*"))
    model = folder_of(dictionary, settings) / "model.safetensors"
    written = model.stat().st_mtime_ns
    with pytest.raises(UserError, match="is not finished: run the extraction again") as refused:
        symmetry(SymmetryConfig(dictionaries=(dictionary,)))
    assert "\n" not in str(refused.value)

    stored = train(read_config(TrainConfig, None, SMALL))
    assert stored.content_keys["dictionary"] == dictionary
    assert model.stat().st_mtime_ns == written, "it is not trained again"
    with tracking(settings) as client:
        [version] = client.search_model_versions("name = 'topk-group-crosscoder'")
        assert (version.tags["dictionary"], int(version.version)) == (dictionary, 1)
        assert client.list_artifacts(version.run_id, "figures"), "its run has the figures of the analysis"
    again = train(streamed)  # the set is stored now: it is read
    assert again.content_keys["dictionary"] == dictionary
    assert told not in " ".join(capfd.readouterr().err.split())
