"""A story told in full, as frames for the warehouse: attacked sets, and what everything that reads sets says of them.

Each set is read by TCAV where it was attacked and, of the largest fraction, elsewhere; by eye (`PictureReader`); by the
trust checks, at the attacked layer; and by dictionaries. Holm's correction is over all that TCAV said.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import polars

from tasks.activations.plan import loaded_network
from tasks.concepts.analyse import Sets, concept_set_tables, gather, network_tables
from tasks.concepts.attack_evaluation import (
    IDENTITY,
    AttackedSets,
    PictureReader,
    ScoreReader,
    artifact_exists,
    attacked_sets,
    class_at,
)
from tasks.concepts.config import AttackExperimentConfig
from tasks.concepts.dictionary_evidence import DictionaryReader
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.tamper_detection import MIN_EXEMPLARS, RANDOM_SETS, TamperDetector, TamperReport, tamper_tables
from tasks.concepts.tcav import holm
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.networks import Network

CODE_VERSION = 3
PICTURES = 4
"""Of each attack, to look at."""


def analyse_attack(config: AttackExperimentConfig, settings: Settings, progress: Progress = silent) -> str:
    """Frames of all tables of attacks and trust, and what they refer to; returns their key.

    Named by the pixels of the clean sets, the class, the places, the story and the dictionaries. Changed images are
    kept, so that a study that was stopped goes on after the last attack that was whole; damaged ones are made again.
    Exemplars fewer than a trust
    check needs are not checked. progress: in thousandths. UserError as `gather`, `class_at`,
    `attacked_sets` and `DictionaryReader`, and for a place that is given twice.
    """
    places = _places(config, settings)
    sets = gather(config.tested, settings, part_of(progress, 0, 100))
    [concept], [of_class] = sets.concepts, sets.classes
    key = content_key(
        "attack-study",
        CODE_VERSION,
        places=[(network.weights_sha256, layer) for network, layer in places],
        concept=concept.key,
        random=[each.key for each in sets.random],
        classes=(of_class.index, of_class.images.key, config.of_class.name),
        story=config.grid,
        cav=config.cav,
        dictionaries=config.dictionaries,
    )
    if is_staged(key, settings) and _artifacts_exist(key, settings):
        return key
    study = _Study.prepared(key, places, sets, config, settings, part_of(progress, 100, 200))
    at = study.scores[0].at
    to_tell = part_of(progress, 200, 1000)
    for one in attacked_sets(config.grid, at, concept, sets.random, settings, config.cav, to_tell):
        study.read(one)
    stage_tables(key, study.frames(sets), settings)
    progress(1000, 1000)
    return key


def _artifacts_exist(key: str, settings: Settings) -> bool:
    """Whether the changed images of a study that is staged are there, undamaged."""
    artifact_folders = read_staged(key, settings)["attacks"]["artifact_folder"].drop_nulls().unique()
    return all(artifact_exists(artifact_folder, settings) for artifact_folder in artifact_folders)


def _places(config: AttackExperimentConfig, settings: Settings) -> list[tuple[Network, str]]:
    """Where sets are read, first where they are attacked."""
    names = [(config.network, config.layer), *((place.network, place.layer) for place in config.transfer_targets)]
    places = [(loaded_network(network, settings.weights_dir), layer) for network, layer in names]
    for which, (network, layer) in enumerate(places):
        network.layer(layer)
        if names[which] in names[:which]:
            raise UserError(f"{network.name} {layer} is read twice: name each place once; the attacked one is read too")
    return places


@dataclass
class _Study:
    """All that reads sets, and what they said."""

    key: str
    config: AttackExperimentConfig
    scores: list[ScoreReader]
    pictures: PictureReader
    trust: TamperDetector
    dictionaries: dict[str, DictionaryReader]
    sets: list[ExemplarSet] = field(default_factory=list)
    reports: list[tuple[ExemplarSet, TamperReport]] = field(default_factory=list)
    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def prepared(
        cls,
        key: str,
        places: list[tuple[Network, str]],
        sets: Sets,
        config: AttackExperimentConfig,
        settings: Settings,
        progress: Progress,
    ) -> "_Study":
        """progress: in thousandths."""
        [concept], [of_class] = sets.concepts, sets.classes
        network, layer = places[0]
        scores = []
        for done, (eval_network, eval_layer) in enumerate(places, start=1):
            at = class_at(eval_network, eval_layer, config.of_class.name, of_class.images)
            scores.append(ScoreReader(at, config.cav))
            progress(500 * done // len(places), 1000)
        clean = AttackedSets("concept", "clean", 0, 0.0, concept, tuple(sets.random))
        pictures = PictureReader(clean, network, evenly_spaced_layers(network, layer))
        trust = TamperDetector(sets.random[:RANDOM_SETS], network, layer)
        dictionaries = {each: DictionaryReader(each, sets.random, concept, settings) for each in config.dictionaries}
        progress(1000, 1000)
        return cls(key, config, scores, pictures, trust, dictionaries)

    def read(self, one: AttackedSets) -> None:
        identity = {"attack_experiment_id": self.key, **one.identity}
        changes = self.pictures.read(one)
        self.rows["attacks"].append(
            identity | {"concept_id": one.concept.key, "artifact_folder": one.artifact_folder} | changes
        )
        is_widest = one.fraction in (0, max(self.config.grid.fractions))
        for reader in self.scores if is_widest else self.scores[:1]:
            self.rows["attack_scores"].append({"attack_experiment_id": self.key, **reader.read(one)})
        if one.attack != "clean" and is_widest:
            self.rows["attack_pictures"] += _shown(self.key, self.pictures.clean, one)
        if one.perturbed_set == "concept":
            self.sets.append(one.concept)
            if len(one.concept) >= MIN_EXEMPLARS:
                self.reports.append((one.concept, self.trust.check(one.concept)))
            for dictionary, reader in self.dictionaries.items():
                found = reader.read(one.concept)
                self.rows["attack_features"] += [{**identity, "dictionary_id": dictionary, **row} for row in found]

    def frames(self, sets: Sets) -> dict[str, polars.DataFrame]:
        [of_class] = sets.classes
        scores = self.rows["attack_scores"]
        layers = defaultdict(list)
        for reader in self.scores:
            layers[reader.at.network].append(reader.at.layer)
        networks = [network_tables(network, of_network) for network, of_network in layers.items()]
        return {
            **{name: polars.concat([each[name] for each in networks]) for name in networks[0]},
            **concept_set_tables([*self.sets, *sets.random, of_class.images]),
            "attack_experiments": polars.DataFrame(
                {
                    "attack_experiment_id": self.key,
                    "network": self.config.network,
                    "layer": self.config.layer,
                    "kind": self.config.grid.kind,
                    "concept_id": sets.concepts[0].key,
                    "class_images_id": of_class.images.key,
                    "class_name": of_class.name,
                    "random_sets": len(sets.random),
                    "classifier": self.config.cav.classifier,
                    "pool": self.config.cav.pool,
                    "steps": self.config.grid.steps,
                    "seed": self.config.grid.seed,
                    "tests": len(scores),
                }
            ),
            "attacks": _frame(self.rows["attacks"], psnr=polars.Float64, artifact_folder=polars.String),
            "attack_scores": _frame(
                [row | {"p_holm": p} for row, p in zip(scores, holm([row["p_value"] for row in scores]), strict=True)]
            ),
            "attack_pictures": _frame(self.rows["attack_pictures"]),
            **({"attack_features": _frame(self.rows["attack_features"])} if self.dictionaries else {}),
            **(
                tamper_tables(self.reports, self.key, self.config.network, self.config.layer, len(self.trust.randoms))
                if self.reports
                else {}
            ),
        }


def _frame(rows: list[dict], **overrides: type[polars.DataType]) -> polars.DataFrame:
    return polars.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None)


def _shown(analysis: str, clean: AttackedSets, one: AttackedSets) -> list[dict]:
    """Rows of attack_pictures: the first images that changed, before and after; grey where nothing did."""
    before_ncyx, after_ncyx = (
        replace(clean, perturbed_set=one.perturbed_set).frames_ncyx.float(),
        one.frames_ncyx.float(),
    )
    difference_ncyx = after_ncyx - before_ncyx
    places = difference_ncyx.flatten(1).any(1).nonzero().flatten().tolist()[:PICTURES]
    return [
        {
            "attack_experiment_id": analysis,
            **{name: one.identity[name] for name in IDENTITY if name != "fraction"},
            "place": place,
            "clean": webp(before_ncyx[place]),
            "attacked": webp(after_ncyx[place]),
            "difference": webp(127.5 + 127.5 / one.epsilon * difference_ncyx[place]),
        }
        for place in places
    ]


def evenly_spaced_layers(network: Network, layer: str) -> tuple[str, ...]:
    """Three layers, evenly spread from the first to the given one, which is the last."""
    names = network.layers()
    names = names[: names.index(layer) + 1]
    return tuple(dict.fromkeys(names[len(names) * third // 3 - 1] for third in (1, 2, 3)))
