"""The freeze line: dragged or clicked in the drawing, moved by keys, with what it would cost."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.drawing import FIRST, STEP, draw_chain
from pages.shared.state import choose, chosen_config, store
from tl_core.backbones.card import Card, resolve_cut
from tl_core.data.dataset import Dataset
from tl_core.runs.costs import Figure, costs
from tl_core.words import duration, size

_chain = st.components.v2.component(
    "headstart_chain",
    html='<div id="chain"></div>',
    css="""
        #chain { overflow-x: auto; color: var(--st-text-color); font-family: var(--st-font); }
        .movable .stage { cursor: pointer; }
        .movable .stage:hover rect { fill-opacity: 0.6; }
        .line { cursor: ew-resize; outline: none; }
        /* Of what is inline a browser does not heed it, and the drawing would scroll. */
        .line, .line * { touch-action: none; display: block; }
        .line:focus-visible .reach { stroke: var(--st-primary-color); stroke-width: 3; }
    """,
    js="""
        // What a person does to the line goes to the page, which answers with a new drawing; the
        // pointer and the focus outlive it.
        export default function ({ data, parentElement, setTriggerValue }) {
            const chain = parentElement.querySelector("#chain");
            const had = chain.contains(chain.getRootNode().activeElement);
            chain.innerHTML = data.svg;
            chain.className = data.movable ? "movable" : "";
            chain.tabIndex = data.movable ? -1 : 0;
            chain.onclick = chain.onkeydown = chain.onpointerdown = null;
            chain.onpointermove = chain.onpointerup = chain.onpointercancel = null;
            if (!data.movable) return;
            const line = chain.querySelector(".line");
            const cut = Number(line.getAttribute("aria-valuenow"));
            const last = Number(line.getAttribute("aria-valuemax"));
            const home = data.first + cut * data.step;
            const move = (target) => {
                if (target !== chain.asked) setTriggerValue("cut", chain.asked = target);
            };
            const follow = (x) => line.setAttribute("transform", `translate(${x - home} 0)`);
            chain.asked = cut;
            if (had) line.focus({ preventScroll: true });
            if (chain.held !== undefined) follow(chain.held);
            if (chain.shown !== last) chain.scrollLeft = home - chain.clientWidth / 2;
            chain.shown = last;
            const at = (event) => Math.min(Math.max(
                event.clientX - chain.querySelector("svg").getBoundingClientRect().left,
                data.first), data.first + last * data.step);

            chain.onpointerdown = (event) => {
                if (!event.target.closest(".line")) return;
                event.preventDefault();
                line.focus({ preventScroll: true });
                chain.setPointerCapture(event.pointerId);
                chain.held = home;
            };
            chain.onpointermove = (event) => {
                if (chain.held === undefined) return;
                follow(chain.held = at(event));
                move(Math.round((chain.held - data.first) / data.step));
            };
            chain.onpointerup = chain.onpointercancel = () => {
                if (chain.held === undefined) return;
                chain.held = undefined;
                line.removeAttribute("transform");
            };
            chain.onclick = (event) => {
                const stage = event.target.closest(".stage");
                if (stage) move(Number(stage.dataset.cut));
            };
            chain.onkeydown = (event) => {
                const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
                const ends = { Home: 0, End: last };
                const target = ends[event.key] ?? chain.asked + (steps[event.key] ?? NaN);
                if (Number.isNaN(target)) return;
                event.preventDefault();
                move(Math.min(Math.max(target, 0), last));
            };
        }
    """,
)


def show_drawing(svg: str, key: str) -> None:
    """Show a drawing of a network that only wants to be looked at."""
    _chain(key=key, data={"svg": svg, "movable": False})


def draw_network(card: Card, recipe: str, cut: int, classes: int) -> None:
    """Draw the backbone; a drag, a click or an arrow key moves the freeze line."""

    def move() -> None:
        options = ["none", *card.stage_names]
        target = options[st.session_state["chain"].cut]
        st.session_state[_line_key(card, recipe)] = target
        choose(freeze=target)

    is_movable = recipe in ("fine-tune", "gradual")
    if is_movable:
        st.caption(
            "Drag the line, click a stage, or use the slider above; the arrow keys move it too."
        )
    svg = draw_chain(card, cut, classes, is_movable=is_movable)
    _chain(
        key="chain",
        data={"svg": svg, "movable": is_movable, "first": FIRST, "step": STEP},
        on_cut_change=move,
    )


def _line_key(card: Card, recipe: str) -> str:
    return f"line-{card.name}-{recipe}"


def freeze_line(card: Card, recipe: str) -> int:
    """Let a person move the freeze line; return the number of frozen stages."""
    if recipe == "scratch":
        st.caption("From scratch nothing is frozen, because there is nothing to keep.")
        return 0
    if recipe == "feature-extraction":
        return _whole_or_convolutions(card)
    options = ["none", *card.stage_names]
    key = _line_key(card, recipe)
    if key not in st.session_state:
        st.session_state[key] = options[resolve_cut(card.stage_names, _now(card))]
    if card.convolutions:
        st.button(
            "Freeze the convolutions only, as in the notes' drawing",
            on_click=lambda: st.session_state.update({key: card.convolutions}),
            icon=":material/ac_unit:",
        )
    value = st.select_slider(
        "Freeze everything up to and including",
        options,
        key=key,
        format_func=lambda name: "nothing" if name == "none" else name,
    )
    if value != options[resolve_cut(card.stage_names, _now(card))]:
        choose(freeze=value)
    return options.index(value)


def _whole_or_convolutions(card: Card) -> int:
    if card.convolutions is None:
        st.caption(
            "Feature extraction freezes every stage. Choose fine-tuning to move the freeze line."
        )
        return len(card.stages)
    cut = resolve_cut(card.stage_names, card.convolutions)
    which = st.segmented_control(
        "What to freeze",
        [len(card.stages), cut],
        format_func=lambda k: (
            "The whole backbone" if k > cut else "The convolutions only, as in the notes' drawing"
        ),
        default=cut if _now(card) == str(cut) else len(card.stages),
        required=True,
    )
    if str(which) != _now(card):
        choose(freeze=str(which))
    return int(which or cut)


def _now(card: Card) -> str:
    return chosen_config(card).freeze or "none"


def show_counters(card: Card, cut: int, dataset: Dataset | None) -> None:
    """Show what the line as it stands means: what is kept, what learns, and what that takes."""
    classes = len(dataset.classes) if dataset else 2
    learns, epoch, memory = st.columns(3)
    learns.metric("Parameters that learn", f"{card.trainable_parameters(cut, classes):,}")
    learns.caption("counted")
    if dataset is None:
        for place, label in ((epoch, "An epoch"), (memory, "Memory")):
            place.metric(label, "–")
            place.caption("known once pictures are chosen in step 1")
    else:
        found = costs(store(), chosen_config(card, dataset), card, dataset)
        _cost(epoch, "An epoch", found.epoch, _seconds, "Of the last phase, in which all that may "
              "learn does learn; with the validation pictures after it.")  # fmt: skip
        _cost(memory, "Memory", found.memory, lambda value: size(round(value)),
              "At most, while it trains. On a processor that is everything the process holds, "
              "PyTorch itself too; on a GPU, its tensors.")  # fmt: skip
    frozen, kept, _ = st.columns(3)
    frozen.metric("Frozen parameters", f"{card.frozen_parameters(cut):,}")
    kept.metric(
        "Work done once and kept",
        f"{card.frozen_share(cut):.0%}",
        help="Share of the computing for one picture that lies in frozen stages.",
    )


def _cost(
    place: DeltaGenerator, label: str, figure: Figure, say: Callable[[float], str], explained: str
) -> None:
    if figure.value is None:
        place.metric(label, "–", help=explained)
        place.caption("it could not be measured on this system")
    else:
        place.metric(label, say(figure.value), help=explained)
        place.caption(figure.said)


def _seconds(value: float) -> str:
    return "under 1 second" if value < 1 else duration(value)
