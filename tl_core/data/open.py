"""From what a person names to a dataset: one that is here, a sample, a public set, a folder."""

from __future__ import annotations

from pathlib import Path

from tl_core.data.dataset import Dataset, find_dataset, list_datasets
from tl_core.data.intake import import_source
from tl_core.data.public import PUBLIC_SETS, public_set
from tl_core.data.question import Told
from tl_core.data.samples import SAMPLES, sample
from tl_core.download import Progress
from tl_core.errors import UserError
from tl_core.workspace import Workspace

_SAMPLE, _PUBLIC = "sample:", "public:"


def ready_names() -> list[str]:
    """Return the names that stand for a dataset where a folder could stand.

    >>> ready_names()[:2]
    ['sample:phones', 'sample:digits']
    """
    return [f"{_SAMPLE}{s.key}" for s in SAMPLES] + [f"{_PUBLIC}{p.key}" for p in PUBLIC_SETS]


def import_any(
    workspace: Workspace,
    source: str | Path,
    name: str | None = None,
    *,
    told: Told | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Import a folder, an archive, a sample (`sample:phones`) or a public set (`public:eurosat`).

    Args:
        workspace: where the dataset goes.
        source: the folder, the archive or one of `ready_names`.
        name: what to call the dataset; the source's own name when left out.
        told: what the person said about how a folder or an archive is to be read.
        progress: called with (done, in all): files, and bytes while something is downloaded.

    Raises:
        UserError: there is no such source, or it cannot be used or had.
    """
    kind, _, key = str(source).partition(":")
    if f"{kind}:" not in (_SAMPLE, _PUBLIC):
        return import_source(workspace, source, name, told=told, progress=progress)
    if name:
        raise UserError(f"{source} has a name of its own; leave out the name {name!r}.")
    if f"{kind}:" == _SAMPLE:
        return sample(workspace, key, progress)
    return public_set(workspace, key, downloading=progress, importing=progress)


def open_dataset(
    workspace: Workspace,
    source: str | Path,
    name: str | None = None,
    *,
    progress: Progress | None = None,
) -> Dataset:
    """Return the dataset with this name or id, or else import what the name stands for.

    Raises:
        UserError: there is no such dataset or source, or it cannot be used or had.
    """
    known = {key for dataset in list_datasets(workspace) for key in (dataset.name, dataset.id)}
    is_source = str(source).startswith((_SAMPLE, _PUBLIC)) or Path(source).exists()
    if str(source) in known or not is_source:
        return find_dataset(workspace, str(source))
    return import_any(workspace, source, name, progress=progress)
