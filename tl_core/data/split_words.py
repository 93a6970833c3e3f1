"""What people call the splits, in folders and in tables: train, seg_test, Validierung, X_train."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from tl_core.data.dataset import Split

_CALLED: dict[Split, str] = {
    "train": "train training trainings trainset trainingset traindata trainingdata trainingsdaten "
    "trainval trn xtrain entrenamiento entrainement apprentissage addestramento treino treinamento",
    "validation": "val valid validation validate valset validset validationset vali xval dev devel "
    "devset development eval evaluation evalset validierung validierungsdaten validacion "
    "validazione validacao publictest",
    "test": "test tests testing testset testingset testdata testdaten tst xtest"
    " privatetest holdout heldout prueba pruebas teste testen",
}
_WORDS: dict[str, Split] = {word: split for split, said in _CALLED.items() for word in said.split()}
# Words that a split's name may have beside it and that change nothing.
_FILLING = {"set", "sets", "data", "dataset", "datasets", "daten", "image", "images", "img", "imgs",
            "picture", "pictures", "photo", "photos", "bilder", "seg", "x", "split", "splits",
            "folder", "part", "samples", "cases", "public", "private", "the", "my"}  # fmt: skip
_NO = {"false", "0", "0.0", "no", "n", "f", "falsch", "nein", "faux", "non", "falso", "não", ""}
_YES = {"true", "1", "1.0", "yes", "y", "t", "x", "wahr", "ja", "vrai", "oui", "verdadero", "vero",
        "verdadeiro", "sí", "sim"}  # fmt: skip


@lru_cache(maxsize=4096)
def split_of(name: str) -> Split | None:
    """Return the split that a folder or a cell means by all of its words.

    >>> split_of("seg_train"), split_of("X_test"), split_of("PrivateTest"), split_of("val2017")
    ('train', 'test', 'test', 'validation')
    >>> split_of("test tube"), split_of("train or test"), split_of("ants")
    (None, None, None)
    """
    words = _words(name)
    found = _meant(words)
    is_all = "".join(words) in _WORDS or all(w in _WORDS or w in _FILLING for w in words)
    return found if is_all else None


def split_within(name: str) -> Split | None:
    """Return the split that a name speaks of among other words.

    >>> split_within("rps-test-set"), split_within("rps")
    ('test', None)
    """
    return _meant(_words(name))


def says_yes(cell: str) -> bool:
    """Say whether a cell is a word for yes, as people and spreadsheets write it.

    >>> says_yes("True"), says_yes("x"), says_yes("0")
    (True, True, False)
    """
    return cell.strip().lower() in _YES


def says_no(cell: str) -> bool:
    """Say whether a cell is a word for no, or empty.

    >>> says_no("FALSCH"), says_no(""), says_no("2")
    (True, True, False)
    """
    return cell.strip().lower() in _NO


def are_splits(names: Iterable[str]) -> bool:
    """Say whether these are splits; a lone `train` among others is a class of trains.

    >>> are_splits(["Training", "Validierung"]), are_splits(["train", "plane", "bus"])
    (True, False)
    """
    names = set(names)
    splits = {name: split for name in names if (split := split_of(name))}
    kinds = set(splits.values())
    return "train" in kinds and (len(kinds) > 1 or set(splits) == names)


def _words(name: str) -> list[str]:
    """Return a name's words in small letters: of `ValSet2` val and set."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return re.findall(r"[a-z]+", spaced.lower())


def _meant(words: list[str]) -> Split | None:
    if (whole := "".join(words)) in _WORDS:
        return _WORDS[whole]
    meant = {_WORDS[word] for word in words if word in _WORDS}
    return meant.pop() if len(meant) == 1 else None
