"""What this browser has chosen, and the things that all browsers share.

Choices live in the session and in the address, so that a reload, a bookmark or another device
finds them again.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tl_core.backbones.card import Card, resolve_cut
from tl_core.backbones.catalog import catalogue
from tl_core.config import RECIPES, RunConfig
from tl_core.data.dataset import Dataset, find_dataset
from tl_core.errors import UserError
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.rebuild import open_store
from tl_core.runs.store import Run, Store
from tl_core.training.phases import choose_recipe, default_cut
from tl_core.workspace import Workspace, is_id

_KEY = "choices"
_WEIGHTS_FILE = re.compile(r"[0-9a-f]{16}\.safetensors")


@dataclass(frozen=True)
class Choices:
    """What was chosen so far; an empty text means: not yet.

    Attributes:
        data: id of a dataset.
        backbone: name in the catalogue.
        weights: file name, in the workspace, of weights that the person brought.
        recipe: how to train; empty leaves it to Headstart.
        freeze: stage up to which everything stays frozen; empty leaves it to the recipe.
        run: id of the run that is being looked at.
        model: name, in the workspace, of a model's file that the person brought.
        chapter: of the lesson.
        brought: id of the pictures that were brought to be predicted.
    """

    data: str = ""
    backbone: str = ""
    weights: str = ""
    recipe: str = ""
    freeze: str = ""
    run: str = ""
    model: str = ""
    chapter: str = ""
    brought: str = ""


def choices() -> Choices:
    """Return this session's choices; a new session reads them from the address."""
    if _KEY not in st.session_state:
        known = {field.name for field in fields(Choices)}
        given = {name: value for name, value in st.query_params.items() if name in known}
        st.session_state[_KEY] = _with_the_run(Choices(**given))
    elif st.query_params.get("run"):
        st.session_state[_KEY] = replace(st.session_state[_KEY], run=st.query_params["run"])
    chosen: Choices = st.session_state[_KEY]
    return chosen


def _with_the_run(given: Choices) -> Choices:
    """Take over what a run was made of, where its address says nothing else."""
    try:
        config = store().run(given.run).config if given.run else None
    except UserError:
        return given
    if config is None or given.data or given.backbone:
        return given
    return replace(given, data=config.dataset, backbone=config.backbone, recipe=config.recipe or "")


def choose(**changes: str) -> Choices:
    """Change choices and write them into the address."""
    st.session_state[_KEY] = replace(choices(), **changes)
    if "run" in changes:  # the address goes before the session, so it must not keep the old one
        st.query_params.pop("run", None)
    show_in_address()
    return choices()


def show_in_address() -> None:
    """Write the choices into the address, where moving between pages has removed them."""
    wanted = {name: value for name, value in asdict(choices()).items() if value}
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def address() -> dict[str, Any]:
    """Return the choices as query parameters for a link to another page."""
    return {name: value for name, value in asdict(choices()).items() if value}


@st.cache_resource
def workspace() -> Workspace:
    """Return the workspace that all sessions of this server share."""
    return Workspace.open()


@st.cache_resource
def store() -> Store:
    """Return the store that all sessions of this server share."""
    return open_store(workspace())


@st.cache_resource
def engine() -> LocalEngine:
    """Return what carries runs out for all sessions of this server."""
    return LocalEngine(workspace(), store())


@st.cache_resource
def predictor() -> Predictor:
    """Return the one process that predicts for all sessions of this server."""
    return Predictor(workspace().root / "predictor.log")


def asker() -> str:
    """Return who asks, for what takes turns: this tab."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def chosen_dataset() -> Dataset | None:
    """Return the chosen dataset, or `None` when there is none or it is gone."""
    try:
        return find_dataset(workspace(), choices().data) if choices().data else None
    except UserError:
        return None


def chosen_card() -> Card | None:
    """Return the chosen backbone's card, or `None`."""
    return catalogue().get(choices().backbone)


def brought_weights() -> Path | None:
    """Return the weights file that the person brought, or `None` when there is none.

    The name comes from the address, so anything but a name of ours is passed over.
    """
    if not _WEIGHTS_FILE.fullmatch(choices().weights):
        return None
    file = workspace().weights / choices().weights
    return file if file.is_file() else None


def brought_model() -> Path | None:
    """Return the model's file that the person brought, or `None`; likewise one of ours or none.

    A run that was chosen since goes before it.
    """
    if choices().run or not is_id(choices().model):
        return None
    file = workspace().models / f"{choices().model}.headstart"
    return file if file.is_file() else None


def chosen_run() -> Run | None:
    """Return the run in the address, or `None` when there is none or it is gone."""
    try:
        return store().run(choices().run) if choices().run else None
    except UserError:
        return None


def chosen_config(card: Card, dataset: Dataset | None = None) -> RunConfig:
    """Return the choices as a run's settings; what does not fit the backbone is left open."""
    now = choices()
    weights = brought_weights()
    config = RunConfig(
        dataset=dataset.id if dataset else "",
        backbone=card.name,
        recipe=now.recipe if now.recipe in RECIPES else None,  # type: ignore[arg-type]
        weights=str(weights) if weights else None,
    )
    try:
        recipe = choose_recipe(card, config)
    except UserError:
        config = config.with_(recipe=None)
        recipe = choose_recipe(card, config)
    if recipe == "scratch":
        config = config.with_(weights=None)
    return config.with_(recipe=recipe, freeze=str(_cut(card, recipe, now.freeze)))


def _cut(card: Card, recipe: Any, freeze: str) -> int:
    if recipe == "scratch" or not freeze:
        return default_cut(card, recipe)
    try:
        return resolve_cut(card.stage_names, freeze)
    except UserError:
        return default_cut(card, recipe)
