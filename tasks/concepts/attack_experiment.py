"""The attack experiment: perturbed sets and their evaluations, as staged tables (methods §7.5).

Every perturbed set is scored by TCAV at the attacked layer, and the sets of the largest fraction also at the transfer
targets. `ImageChangeMeter` measures how visible the changes are. Where exemplars were perturbed, tamper detection
checks them at the attacked layer, and dictionaries are tested for evidence of the attack. Holm's correction is over
all TCAV tests of the experiment.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace

import polars
import torch

from tasks.concepts.analyse import Sets, concept_set_tables, gather, network_tables
from tasks.concepts.attack_evaluation import AttackScorer, ImageChangeMeter
from tasks.concepts.config import AttackExperimentConfig
from tasks.concepts.dictionary_evidence import DictionaryReader
from tasks.concepts.exemplars import ExemplarSet
from tasks.concepts.perturbed_sets import IDENTITY, AttackedSets, Runner, artifact_exists, attacked_sets, class_at
from tasks.concepts.tamper_detection import (
    CALIBRATION_IMAGES,
    MIN_EXEMPLARS,
    RANDOM_SETS,
    TamperDetector,
    TamperReport,
    needs_calibration,
    tamper_tables,
)
from tasks.concepts.tcav import holm
from tasks.errors import UserError
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.network import Network
from tasks.vision.networks import load_network

CODE_VERSION = 3
PICTURES = 4
"""Images of each attack that are stored before and after the change."""


def analyse_attack(
    config: AttackExperimentConfig, settings: Settings, progress: Progress = silent, run: Runner | None = None
) -> str:
    """Run an attack experiment and stage its tables; return their key.

    The tables are those of attacks and of trust, and the networks, layers, concepts and exemplars that they refer to.
    The key is made from the pixels of the clean sets, the class, the evaluation layers, the attack grid, the CAV config
    and the dictionaries. Perturbed images are kept, so that a stopped experiment resumes after its last complete
    attack; damaged images are made again. Sets with fewer exemplars than tamper detection needs are not checked.
    run: as in `attacked_sets`. progress: in thousandths. UserError as `gather`, `class_at`, `attacked_sets` and
    `DictionaryReader`, and for an evaluation layer that is given twice.
    """
    eval_layers = _eval_layers(config, settings)
    sets = gather(config.tested, settings, part_of(progress, 0, 100))
    [concept], [of_class] = sets.concepts, sets.classes
    key = content_key(
        "attack-study",
        CODE_VERSION,
        places=[(network.weights_sha256, layer) for network, layer in eval_layers],
        concept=concept.key,
        random=[images.key for images in sets.random],
        classes=(of_class.index, of_class.images.key, config.of_class.name),
        story=config.grid,
        cav=config.cav,
        dictionaries=config.dictionaries,
    )
    if is_staged(key, settings) and _artifacts_exist(key, settings):
        return key
    experiment = _Experiment.prepared(key, eval_layers, sets, config, settings, part_of(progress, 100, 200))
    at = experiment.scorers[0].at
    attack_progress = part_of(progress, 200, 1000)
    for perturbed in attacked_sets(config.grid, at, concept, sets.random, settings, config.cav, attack_progress, run):
        experiment.evaluate(perturbed)
    stage_tables(key, experiment.tables(sets), settings)
    progress(1000, 1000)
    return key


def _artifacts_exist(key: str, settings: Settings) -> bool:
    """Return whether the perturbed images of a staged experiment exist and are undamaged."""
    artifact_folders = read_staged(key, settings)["attacks"]["artifact_folder"].drop_nulls().unique()
    return all(artifact_exists(artifact_folder, settings) for artifact_folder in artifact_folders)


def _eval_layers(config: AttackExperimentConfig, settings: Settings) -> list[tuple[Network, str]]:
    """Return the evaluation networks and layers: the attacked one first, then the transfer targets."""
    names = [(config.network, config.layer), *((target.network, target.layer) for target in config.transfer_targets)]
    eval_layers = [(load_network(network, settings.weights_dir), layer) for network, layer in names]
    for index, (network, layer) in enumerate(eval_layers):
        network.layer(layer)
        if names[index] in names[:index]:
            raise UserError(
                f"{network.name} {layer} is given twice as an evaluation layer: name each transfer target once, and "
                "leave out the attacked layer, which is always evaluated"
            )
    return eval_layers


@dataclass
class _Experiment:
    """The evaluations of an experiment, and the rows that they have given so far."""

    key: str
    config: AttackExperimentConfig
    scorers: list[AttackScorer]
    change_meter: ImageChangeMeter
    tamper_detector: TamperDetector
    dictionaries: dict[str, DictionaryReader]
    sets: list[ExemplarSet] = field(default_factory=list)
    reports: list[tuple[ExemplarSet, TamperReport]] = field(default_factory=list)
    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def prepared(
        cls,
        key: str,
        eval_layers: list[tuple[Network, str]],
        sets: Sets,
        config: AttackExperimentConfig,
        settings: Settings,
        progress: Progress,
    ) -> "_Experiment":
        """Compute what the evaluations need of the clean sets. progress: in thousandths."""
        [concept], [of_class] = sets.concepts, sets.classes
        network, layer = eval_layers[0]
        scorers = []
        for done, (eval_network, eval_layer) in enumerate(eval_layers, start=1):
            at = class_at(eval_network, eval_layer, config.of_class.name, of_class.images)
            scorers.append(AttackScorer(at, config.cav))
            progress(500 * done // len(eval_layers), 1000)
        clean = AttackedSets("concept", "clean", 0, 0.0, concept, tuple(sets.random))
        change_meter = ImageChangeMeter(clean, network, evenly_spaced_layers(network, layer))
        tamper_detector = TamperDetector(sets.random[:RANDOM_SETS], network, layer)
        _calibrate(tamper_detector, sets, config)
        dictionaries = {name: DictionaryReader(name, sets.random, concept, settings) for name in config.dictionaries}
        progress(1000, 1000)
        return cls(key, config, scorers, change_meter, tamper_detector, dictionaries)

    def evaluate(self, perturbed: AttackedSets) -> None:
        """Evaluate one clean or perturbed set and append its rows."""
        identity = {"attack_experiment_id": self.key, **perturbed.identity}
        self.rows["attacks"].append(
            identity
            | {"concept_id": perturbed.concept.key, "artifact_folder": perturbed.artifact_folder}
            | self.change_meter.measure(perturbed)
        )
        is_largest = perturbed.fraction in (0, max(self.config.grid.fractions))
        for scorer in self.scorers if is_largest else self.scorers[:1]:
            self.rows["attack_scores"].append({"attack_experiment_id": self.key, **scorer.score(perturbed)})
        if perturbed.attack != "clean" and is_largest:
            self.rows["attack_pictures"] += _picture_rows(self.key, self.change_meter.clean, perturbed)
        if perturbed.perturbed_set == "concept":
            exemplars = perturbed.concept
            self.sets.append(exemplars)
            if len(exemplars) >= MIN_EXEMPLARS:
                self.reports.append((exemplars, self.tamper_detector.check(exemplars)))
            for dictionary, reader in self.dictionaries.items():
                self.rows["attack_features"] += [
                    {**identity, "dictionary_id": dictionary, **row} for row in reader.read(exemplars)
                ]

    def tables(self, sets: Sets) -> dict[str, polars.DataFrame]:
        """Return all staged tables of the experiment, by name."""
        [of_class] = sets.classes
        scores = self.rows["attack_scores"]
        layers = defaultdict(list)
        for scorer in self.scorers:
            layers[scorer.at.network].append(scorer.at.layer)
        networks = [network_tables(network, of_network) for network, of_network in layers.items()]
        return {
            **{name: polars.concat([tables[name] for tables in networks]) for name in networks[0]},
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
            "attacks": _table(self.rows["attacks"], psnr=polars.Float64, artifact_folder=polars.String),
            "attack_scores": _table(
                [row | {"p_holm": p} for row, p in zip(scores, holm([row["p_value"] for row in scores]), strict=True)]
            ),
            "attack_pictures": _table(self.rows["attack_pictures"]),
            **({"attack_features": _table(self.rows["attack_features"])} if self.dictionaries else {}),
            **(
                tamper_tables(
                    self.reports,
                    self.key,
                    self.config.network,
                    self.config.layer,
                    len(self.tamper_detector.randoms),
                )
                if self.reports
                else {}
            ),
        }


def _calibrate(detector: TamperDetector, sets: Sets, config: AttackExperimentConfig) -> None:
    """Calibrate a detector where needed, on the random sets that it doesn't use, if these have enough images."""
    [concept] = sets.concepts
    clean = [frame for images in sets.random[RANDOM_SETS:] for frame in images.frames_ncyx]
    enough = len(concept) >= MIN_EXEMPLARS and len(clean) >= 2 * len(concept)
    if enough and needs_calibration(config.network, config.layer, detector.cav):
        clean_ncyx = torch.stack(clean[: CALIBRATION_IMAGES * len(concept)])
        detector.calibrate(clean_ncyx, len(concept), config.grid.seed)


def _table(rows: list[dict], **overrides: type[polars.DataType]) -> polars.DataFrame:
    return polars.DataFrame(rows, schema_overrides=overrides, infer_schema_length=None)


def _picture_rows(experiment: str, clean: AttackedSets, perturbed: AttackedSets) -> list[dict]:
    """Return rows of attack_pictures: the first images that changed, clean and attacked, and their difference.

    The difference is scaled so that ±ε are white and black, and no change is grey.
    """
    before_ncyx = replace(clean, perturbed_set=perturbed.perturbed_set).frames_ncyx.float()
    after_ncyx = perturbed.frames_ncyx.float()
    difference_ncyx = after_ncyx - before_ncyx
    places = difference_ncyx.flatten(1).any(1).nonzero().flatten().tolist()[:PICTURES]
    return [
        {
            "attack_experiment_id": experiment,
            **{name: perturbed.identity[name] for name in IDENTITY if name != "fraction"},
            "place": place,
            "clean": webp(before_ncyx[place]),
            "attacked": webp(after_ncyx[place]),
            "difference": webp(127.5 + 127.5 / perturbed.epsilon * difference_ncyx[place]),
        }
        for place in places
    ]


def evenly_spaced_layers(network: Network, layer: str) -> tuple[str, ...]:
    """Return three layers, evenly spaced from the network's first layer to the given one, which is the last of them."""
    # by their nodes, because a layer may be named by its submodule
    nodes = [network.node(name) for name in network.nodes()]
    before = {*nodes[: nodes.index(network.node(layer))]}
    names = [*(name for name in network.layers() if network.node(name) in before), layer]
    return tuple(dict.fromkeys(names[len(names) * third // 3 - 1] for third in (1, 2, 3)))
