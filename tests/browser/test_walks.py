"""The whole app as three people walk it, from the first page to what they came for.

Each walk keeps pictures of what was on the screen in `test-output/screenshots`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.visitor import Visitor
from tl_core.runs.store import Run, Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
PHOTOS = 200


@pytest.fixture
def no_internet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server, which is started after this, and its workers reach nothing but themselves."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def the_run(server: Server) -> Run:
    (run,) = Store(server.workspace.store).runs()
    return run


@pytest.mark.usefixtures("no_internet")
def test_a_teacher_five_minutes_before_class(
    page: Page, server: Server, record_property: Callable[[str, object], None]
) -> None:
    """Without internet and with nothing at hand: the sample, and then the words for the class."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    teacher = Visitor(page, "teacher")
    teacher.open("/")
    teacher.read("Start with the sample")
    teacher.keep("start")
    teacher.press("Start with the sample")
    teacher.press("Start training")
    teacher.wait_until_trained()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    teacher.keep("trained")
    teacher.press("Try predictions")
    teacher.read("it is phones")
    record_property("measured", f"first run: {teacher.clicks} clicks, {teacher.seconds:.0f} s")
    assert teacher.clicks == 3
    teacher.keep("predictions", "it is phones")
    run = the_run(server)
    assert (run.state, run.config.backbone) == ("finished", "mini")
    assert run.facts["validation_accuracy"] >= 0.95

    teacher.click(page.locator(".st-key-steps").get_by_role("link", name="Learn"))
    teacher.read("What its early stages see")
    teacher.keep("learn")
    teacher.press("Next chapter: A chain of stages")
    teacher.read("What the very first filters look for")
    teacher.keep("filters", "What the very first filters look for")
    away = {url for url in asked if urlsplit(url).hostname not in ("127.0.0.1", None)}
    assert away == set()


@pytest.fixture(
    params=["drawn", pytest.param("photos", marks=(pytest.mark.shared, pytest.mark.slow))]
)
def brought(
    request: pytest.FixtureRequest, photo_folder: Callable[..., Path], tmp_path: Path
) -> Path:
    """200 pictures: a zip of drawn ones, some of them in the wrong class; or a folder of photos."""
    folder = tmp_path / "field"
    if request.param == "photos":
        weather: Path = request.getfixturevalue("shared_data") / "weather"
        kinds = sorted(kind for kind in weather.iterdir() if kind.is_dir())
        for kind in kinds:
            shutil.copytree(kind, folder / kind.name)
            for file in sorted((folder / kind.name).iterdir())[PHOTOS // len(kinds) :]:
                file.unlink()
        return folder
    photo_folder({"blue": 98, "red": 98}, into=folder)
    for number in range(0, 98, 7):
        name = f"{number:03d}.png"
        (folder / "blue" / name).rename(folder / "red" / f"wrong-{name}")
    for number in range(1, 5):
        shutil.copy(folder / "red" / f"{number:03d}.png", folder / "blue" / f"both-{number}.png")
    return Path(shutil.make_archive(str(folder), "zip", folder))


def test_a_biologist_with_200_photos_and_no_code(page: Page, server: Server, brought: Path) -> None:
    biologist = Visitor(page, f"biologist-{brought.suffix or 'folder'}".replace(".", ""))
    biologist.open("/")
    biologist.press("Bring your pictures")
    if brought.suffix:
        biologist.click(page.get_by_role("tab", name="An archive or a table"))
    biologist.upload(brought)
    biologist.read("To learn from")
    biologist.read("What to look at before training")
    found = "The same picture in two classes: 4" if brought.suffix else "Nearly the same picture"
    biologist.read(found)
    biologist.keep("findings", found)

    biologist.press("Next: choose a backbone")
    biologist.read("The freeze line")
    biologist.click(page.get_by_role("combobox").first)
    biologist.click(page.get_by_role("option", name="comes with the app"))
    biologist.read("Comes with the app, no internet needed")
    biologist.choose("Feature extraction")
    biologist.read("freeze line: the whole backbone is frozen")
    biologist.keep("backbone", "The freeze line")
    biologist.press("Next: train")
    biologist.press("Start training")
    biologist.read("this address finds it again")
    # The lid of the laptop is closed, and opened elsewhere: the address finds the run.
    address = page.url
    biologist.open("about:blank")
    biologist.open(address)
    biologist.wait_until_trained()
    page.locator(".js-plotly-plot").nth(1).wait_for()
    biologist.keep("trained")
    run = the_run(server)
    assert run.state == "finished"
    assert run.facts["validation_accuracy"] >= 0.6

    biologist.press("See how good it is")
    biologist.read("validation pictures were answered right")
    mistake = page.get_by_role("button", name=re.compile("taken for .*: [0-9]")).first
    biologist.click(mistake)
    biologist.read("that it called")
    page.locator("[data-testid=stImage]").first.wait_for()
    biologist.choose("Choose it")
    biologist.read("Change what is wrong")
    biologist.keep("mistakes", "Choose it")
    biologist.press("Next: predict new pictures")
    biologist.choose("Upload pictures")
    new = sorted(file for file in brought.with_suffix("").rglob("*.*") if file.is_file())[:2]
    biologist.upload(*new)
    page.locator("[data-testid=stProgress]").nth(1).wait_for(timeout=60_000)
    biologist.keep("predictions", "It knows these classes")


@pytest.fixture
def projector(browser: Browser, server: Server) -> Iterator[Page]:
    """A tab that fills a projector of 1920 × 1080, enlarged to 150 % for the last row."""
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 1280, "height": 720},
        device_scale_factor=1.5,
        permissions=["camera"],
    )
    yield context.new_page()
    context.close()


def test_a_demonstrator_with_a_projector_and_a_camera(
    projector: Page, server: Server, photo_folder: Callable[..., Path]
) -> None:
    """One class from the camera, which shows a ball, and one from files."""
    files = sorted((photo_folder({"red": 6}) / "red").iterdir())
    demonstrator = Visitor(projector, "demonstrator")
    demonstrator.open("/data?backbone=mini&recipe=feature-extraction")
    demonstrator.click(projector.get_by_role("tab", name="Class by class, or camera"))
    name = projector.get_by_label("Name of the class")
    name.fill("ball")
    name.press("Enter")
    demonstrator.choose("Take snapshots with the camera")
    for taken in range(1, 4):
        take_photo(demonstrator)
        demonstrator.read(f"ball · {taken} picture")
    demonstrator.keep("snapshots", "ball · 3 pictures")
    name.fill("stripes")
    name.press("Enter")
    demonstrator.upload(*files)
    demonstrator.read("stripes · 6 pictures")
    demonstrator.press("Make these pictures a dataset")
    demonstrator.read("To learn from")
    demonstrator.click(projector.locator(".st-key-steps").get_by_role("link", name="Train"))
    demonstrator.press("Start training")
    demonstrator.wait_until_trained()
    assert fits(projector), "nothing sticks out at the side"
    demonstrator.keep("trained")
    demonstrator.press("Try predictions")
    demonstrator.choose("Camera")
    take_photo(demonstrator)
    demonstrator.read("ball · ")
    demonstrator.keep("predictions", "ball · ")
    assert fits(projector)
    assert the_run(server).facts["classes"] == ["ball", "stripes"]


def take_photo(visitor: Visitor) -> None:
    visitor.page.wait_for_function("document.querySelector('video')?.readyState === 4")
    visitor.press("Take Photo")


def fits(page: Page) -> bool:
    main = "document.querySelector('[data-testid=stMain]')"
    return bool(page.evaluate(f"{main}.scrollWidth <= {main}.clientWidth"))
