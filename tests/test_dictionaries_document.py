"""The commands and lines of docs/dictionaries.md are run, in order; the import's fields are checked (test_import_…)."""

import json
import re
import shlex
import shutil

import pytest

from flows import cli
from flows.config import read_config
from flows.import_dictionary import ImportDictionaryConfig
from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.exchange.importing import read_foreign
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.dictionary.methods import BLOCK_SPARSE, OF_ONE_ATOM
from tasks.dictionary.train import train
from tasks.settings import ROOT

DOCUMENT = (ROOT / "docs" / "dictionaries.md").read_text()


@pytest.fixture
def dictionary(settings, published_template, tmp_path, monkeypatch):
    """The key of a small SAE in a data folder with a published snapshot; the working directory is empty."""
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    images = {"sources": ["dead-leaves"], "scenes": 4}
    extraction = ExtractionConfig(
        layer="block1_expand", orbits=40, n_rotations=1, reflections=False, images=images, test_share=0.5
    )
    sae = DictionaryConfig(architecture="sae", features=8, k=2, steps=2, batch_size=8, orbit_reuse=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return train(extract(extraction, settings), sae, settings)


def test_the_commands_work(kaleidoscope, dictionary, monkeypatch, tmp_path):
    imported = []
    monkeypatch.setattr(cli, "run", lambda *given: imported.append(given))
    lines = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    ]
    for line in lines:
        words = shlex.split(line.replace("DICTIONARY", dictionary[:10]), comments=True)
        assert words[0] == "kaleidoscope"
        code, _, err = kaleidoscope(*words[1:])
        assert code == 0, err
    work = tmp_path / "work"
    assert {path.name for path in work.iterdir()} == {
        "exported", f"{dictionary[:12]}-dictionary-learning", "model", "tables"
    }  # fmt: skip
    for folder, library in (("exported", "sae-lens"), ("model", "sae-lens")):
        assert read_foreign(work / folder, library, channels=96).sae.features == 8
    assert (work / "tables" / "schema.json").is_file()
    scalings = []
    for flow, config, assignments in imported:
        assert (flow, config) == ("import-dictionary", None)
        read = read_config(ImportDictionaryConfig, None, assignments)
        assert (str(read.folder), read.library, read.extraction.layer) == ("exported", "sae-lens", "block5_expand")
        scalings.append(read.scaling)
    assert scalings == [None, "mean-norm"]


def test_the_lines_write_a_folder_that_is_read(tmp_path, monkeypatch):
    import matplotlib.cm

    monkeypatch.setattr(matplotlib.cm, "get_cmap", matplotlib.colormaps.__getitem__, raising=False)
    from overcomplete.sae import TopKSAE

    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    [lines] = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)
    exec(compile(lines, "dictionaries.md", "exec"), {"sae": TopKSAE(16, 40, top_k=5)})
    sae = read_foreign(tmp_path / "folder", "overcomplete", channels=16).sae
    assert (sae.method, sae.features, sae.k) == ("topk", 40, 5)
    assert json.loads((tmp_path / "folder" / "config.json").read_bytes())["normalization"] == "l2"


def test_the_tables_are_the_registry():
    for method in OF_ONE_ATOM:
        classes = " | ".join(f"`{library.classes[method]}`" for library in LIBRARIES.values())
        assert f"| `{method}` | {classes} |" in DOCUMENT
    assert all(f"`{method}`" in DOCUMENT for method in BLOCK_SPARSE)
    for scaling in SCALINGS:
        assert f"| `{scaling}` |" in DOCUMENT
