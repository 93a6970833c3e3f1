"""Learn: transfer learning in short chapters, each with something to do at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from pages.shared import charts, year_charts
from pages.shared.evidence import doubt, heading, table, verdict
from pages.shared.explaining import show_stage
from pages.shared.frame import go_to, guarded, next_step
from pages.shared.lesson import CHAPTERS, PUBLISHED, PUBLISHED_READING, SLIPS, Chapter
from pages.shared.ready import use_sample
from pages.shared.small import show_small
from pages.shared.state import address, choices, choose, chosen_dataset, predictor
from pages.shared.steps import STEPS, page_file
from pages.shared.studying import show_study, without_pictures
from pages.shared.waiting import finished
from pages.shared.wording import EXPLAINING, GLOSSARY, MEASURING, PROMISES, RECIPES
from tl_core.backbones.catalog import find_card
from tl_core.backbones.worth import measured
from tl_core.data.dataset import Dataset
from tl_core.evaluation.embedding import choose_evenly
from tl_core.evaluation.painting import tiles
from tl_core.runs.predictor import explanations as ask


def idea() -> None:
    """Show the two ways and the promises, and offer the sample."""
    for column, recipe in zip(st.columns(2), ("feature-extraction", "fine-tune"), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{RECIPES[recipe][0]}**")
            st.write(RECIPES[recipe][1])
    st.subheader("Three promises")
    for column, (promise, why) in zip(st.columns(len(PROMISES)), PROMISES.items(), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{promise}**")
            st.write(why)
    if st.button("See it happen with the sample", type="primary", icon=":material/play_arrow:"):
        with guarded():
            use_sample("phones", backbone="mini", recipe="feature-extraction", freeze="",
                       weights="")  # fmt: skip
            go_to("train")


def network() -> None:
    """Show the first filters of Mini, and what its stages make of one's own picture."""
    st.subheader("The first filters of Mini")
    with guarded():
        found = finished(ask.backbone_filters(predictor(), "mini"), "Reading the filters")
        if found is not None:
            st.image(tiles(found, 16, 56), alt=EXPLAINING["alt filters"])
            st.caption(EXPLAINING["filters"])
    st.subheader("On your own pictures: what its stages make of one")
    dataset = chosen_dataset()
    if dataset is None:
        without_pictures()
    else:
        with guarded():
            looked_at(dataset)
    if st.button("Choose Mini and see its chain", icon=":material/account_tree:"):
        choose(backbone="mini", recipe="", freeze="", weights="", run="")
        go_to("backbone")


@st.fragment
def looked_at(dataset: Dataset) -> None:
    """Show a picture, to be chosen, and what the stages of Mini make of it."""
    items = [dataset.items[place] for place in choose_evenly([i.label for i in dataset.items], 12)]
    left, right = st.columns([1, 3])
    with left:
        place = st.selectbox(
            "Picture",
            range(len(items)),
            format_func=lambda place: f"{place + 1} · {dataset.classes[items[place].label]}",
        )
        item = items[place]
        picture = dataset.path(item)
        show_small(picture, item.name, dataset.classes[item.label], 320, dataset.white)
    with right:
        show_stage(
            find_card("mini"),
            lambda stage: ask.backbone_activations(
                predictor(), "mini", picture, stage, dataset.white
            ),
        )


def years() -> None:
    """Show the contest's years, and where notes about them slip."""
    st.plotly_chart(year_charts.imagenet_years(), key="years", config={"displayModeBar": False})
    with st.expander("Where lecture notes commonly slip"):
        for slip in SLIPS:
            st.markdown(f"- {slip}")


def pictures() -> None:
    """Show what the head start of the bundled backbone is worth, as it was measured."""
    with guarded():
        figures = measured()
        data = st.segmented_control(
            "Which pictures?",
            figures.sets,
            format_func=heading,
            default=figures.sets[0],
            required=True,
        )
        st.markdown(verdict(figures, data))
        st.plotly_chart(
            charts.head_start(figures.of(data)), key="head-start", config={"displayModeBar": False}
        )
        st.caption(MEASURING["reading"])
        with st.expander("The figures, and how they were measured"):
            st.markdown(table(figures, data))
            st.caption(doubt(figures, data))
            st.markdown(MEASURING["words"])
            st.markdown(MEASURING["command"])
            st.code(figures.command, language=None, wrap_lines=True)


def steps() -> None:
    """Lead to the pages, one for each step."""
    for step in STEPS[1:]:
        st.page_link(
            page_file(step.key), label=f"**{step.heading}** {step.what}", icon=step.icon,
            query_params=address(),
        )  # fmt: skip
    next_step("data", "Next: bring pictures")


def depth() -> None:
    """Show published figures of both ways."""
    st.markdown(PUBLISHED)
    st.caption(PUBLISHED_READING)


def words() -> None:
    """Show the glossary."""
    for word, meaning in sorted(GLOSSARY.items()):
        st.markdown(f"**{word.capitalize()}**: {meaning}")


MORE: Mapping[str, Callable[[], None]] = {
    chapter.__name__: chapter for chapter in (idea, network, years, pictures, steps, depth, words)
}
BY_KEY = {chapter.key: chapter for chapter in CHAPTERS}


def chosen() -> Chapter:
    """Let a chapter be chosen and return it."""
    now = BY_KEY.get(choices().chapter, CHAPTERS[0])
    key = st.pills(
        "Chapter",
        list(BY_KEY),
        format_func=lambda key: BY_KEY[key].title,
        default=now.key,
        label_visibility="collapsed",
        key=f"chapter-{now.key}",
    )
    if key and key != now.key:
        choose(chapter=key)
        st.rerun()
    return now


chapter = chosen()
st.header(chapter.title)
st.markdown(chapter.text)
if chapter.key in MORE:
    MORE[chapter.key]()
if chapter.study:
    show_study(chapter.study, chapter.doing)
place = CHAPTERS.index(chapter)
if place + 1 < len(CHAPTERS):
    st.divider()
    following = CHAPTERS[place + 1]
    if st.button(f"Next chapter: {following.title}", icon=":material/arrow_forward:"):
        choose(chapter=following.key)
        st.rerun()
