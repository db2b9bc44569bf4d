"""Class names and labels, against timm's list of ImageNet's WordNet ids."""

from importlib.resources import files
from types import SimpleNamespace

import pytest

from tasks.errors import UserError
from tasks.vision import gabor
from tasks.vision.classes import HOMONYMS, class_index, class_name, class_names, labeller
from tasks.vision.imagenet_ids import WORDNET_IDS

BANK = SimpleNamespace(
    name="gabor-bank-3x2x2x2", classes=6, labels=gabor.class_names(gabor.parameters_of("gabor-bank-3x2x2x2"))
)
LUCID = SimpleNamespace(name="inceptionv1-lucid", classes=1008, labels=None)


def wordnet_ids() -> list[str]:
    """In the order of the 1000 classes."""
    pytest.importorskip("timm", reason="timm, which holds the WordNet ids, is not installed")
    return (files("timm") / "data/_info/imagenet_synsets.txt").read_text().split()


def words() -> dict[str, str]:
    """WordNet id -> its first word in WordNet, of ImageNet's 21,000."""
    lines = (files("timm") / "data/_info/imagenet_synset_to_lemma.txt").read_text().splitlines()
    return {wordnet_id: lemmas.split(", ")[0] for wordnet_id, _, lemmas in (line.partition("\t") for line in lines)}


def test_every_class_has_a_name_of_its_own(lite0):
    names = class_names(lite0)
    assert len({name.lower() for name in names}) == lite0.classes
    assert (names[0], names[134], names[340]) == ("tench", "crane (bird)", "zebra")


def test_a_file_named_by_id_and_word_tells_its_class(lite0):
    ids, word_of, class_of = wordnet_ids(), words(), labeller(lite0)
    for index, wordnet_id in enumerate(ids):
        name = f"imagenet/{wordnet_id}_{word_of[wordnet_id].replace(' ', '_')}.JPEG"
        assert class_of(name) == index, name
        assert class_of(f"{wordnet_id}_{class_names(lite0)[index]}.JPEG") == index
        assert class_of(f"{wordnet_id}_{index}.JPEG") == class_of(f"train/{wordnet_id}/{index}.JPEG") == index


def test_homonyms_are_those_of_wordnet():
    ids, word_of = wordnet_ids(), words()
    by_word = {}
    for wordnet_id in ids:
        by_word.setdefault(word_of[wordnet_id].lower(), []).append(wordnet_id)
    alike = {wordnet_id: ids.index(wordnet_id) for same in by_word.values() if len(same) > 1 for wordnet_id in same}
    assert {wordnet_id: index for wordnet_id, (index, _) in HOMONYMS.items()} == alike


def test_every_wordnet_id_is_timms():
    assert tuple(wordnet_ids()) == WORDNET_IDS


def test_a_class_is_found_by_its_wordnet_id(lite0):
    assert [class_index(lite0, wordnet_id) for wordnet_id in WORDNET_IDS] == list(range(1000))
    assert class_index(lite0, " N02391049 ") == 340
    assert class_names(lite0)[340] == "zebra"
    assert {wordnet_id: class_index(lite0, wordnet_id) for wordnet_id in HOMONYMS} == {
        wordnet_id: index for wordnet_id, (index, _) in HOMONYMS.items()
    }


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("a/n02012849_crane.JPEG", 134),
        ("a/n03126707_crane.JPEG", 517),
        ("n03710721_maillot.JPEG", 639),
        ("n02113186_Cardigan.JPEG", 264),
        ("n03590841_jack-o'-lantern.png", 607),
        ("n03590841_jack_o_lantern.JPEG", 607),
        ("n99999999_crane.JPEG", None),
        ("n01503061_bird.JPEG", None),
        ("tench.JPEG", None),
        ("n01443537_goldfish/11099.JPEG", 1),
        ("n01503061_bird/11099.JPEG", None),
        ("train/zebra/11099.JPEG", 340),
        ("great_white_shark/a.png", 2),
        ("340/a.png", None),
        ("banded_0024.jpg", None),
    ],
)
def test_labels_of_file_names(lite0, name, label):
    assert labeller(lite0)(name) == label


@pytest.mark.parametrize(
    ("stated", "label"),
    [
        ("zebra", 340),
        ("Great White Shark", 2),
        ("n02391049", 340),
        ("n02391049 zebra", 340),
        (" 340 ", 340),
        ("1000", None),
        ("-1", None),
        ("n02330245", None),
        ("crane", None),
        ("striped", None),
        ("", None),
    ],
)
def test_a_label_stands_over_the_names_of_file_and_folder(lite0, stated, label):
    assert labeller(lite0)("tench/n01440764_tench.JPEG", stated) == label


def test_imagenets_own_names_are_of_no_other_class(lite0):
    pytest.importorskip("timm", reason="timm, which holds ImageNet's names, is not installed")
    lines = (files("timm") / "data/_info/imagenet_synset_to_lemma.txt").read_text().splitlines()
    lemmas, class_of = dict(line.split("\t") for line in lines), labeller(lite0)
    found = [class_of("", lemmas[wordnet_id]) for wordnet_id in wordnet_ids()]
    assert all(label in (index, None) for index, label in enumerate(found))
    assert len([label for label in found if label is not None]) > 900


@pytest.mark.parametrize("network", [BANK, LUCID], ids=lambda network: network.name)
def test_a_network_with_other_classes_has_no_labels(network):
    assert labeller(network)("n01440764_tench.JPEG") is None


def test_a_label_names_a_class_of_a_gabor_bank():
    assert [labeller(BANK)("0.png", name) for name in class_names(BANK)] == list(range(BANK.classes))
    assert labeller(BANK)("0.png", "n02391049") is None


def test_a_gabor_bank_names_its_own_classes():
    names = class_names(BANK)
    assert len(set(names)) == BANK.classes == len(names)
    assert [class_index(BANK, name) for name in names] == list(range(BANK.classes))
    assert gabor.parameters_of(BANK.name).orientations == 3


def test_unknown_names_are_a_mistake_and_numbers_still_do():
    with pytest.raises(UserError, match=r"inceptionv1-lucid.*1008.*0 to 1007"):
        class_names(LUCID)
    assert class_index(LUCID, "1007") == 1007
    assert class_name(LUCID, 1007) == "class 1007"
    assert class_name(BANK, 5) == class_names(BANK)[5]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("tench", 0),
        ("Zebra", 340),
        ("tiger", 292),
        ("crane (bird)", 134),
        ("crane_machine", 517),
        ("jack o lantern", 607),
        ("white shark", 2),
        (" 999 ", 999),
    ],
)
def test_a_class_is_found_by_name_by_words_and_by_number(lite0, wanted, index):
    assert class_index(lite0, wanted) == index


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("crane", r"'crane' may be crane \(bird\) \(134\), crane \(machine\) \(517\): give"),
        ("cardigan", r"Cardigan \(dog\) \(264\), cardigan \(garment\) \(474\)"),
        ("terrier", r"\(\d+\), …: give"),
        ("zebbra", r"no class 'zebbra': did you mean zebra \(340\).*0 to 999"),
        ("qqqqqq", "no name is similar.*0 to 999"),
        ("1000", "efficientnet_lite0 has no class 1000: its classes are 0 to 999"),
        ("-1", "no class '-1'"),
        ("n02330245", "n02330245 is the WordNet id of none of efficientnet_lite0's classes: give a class's name, or"),
        ("n0239104", "no class 'n0239104'"),
        ("", "no class ''"),
    ],
)
def test_a_class_that_is_not_clear_names_the_candidates(lite0, wanted, message):
    with pytest.raises(UserError, match=message):
        class_index(lite0, wanted)
