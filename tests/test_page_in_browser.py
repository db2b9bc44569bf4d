"""A person's way through the site, walked by a headless browser from file://."""

import io
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.report.labels import SymmetryType
from tasks.report.site import write_pages, write_site
from tasks.report.text import family_page, feature_name, feature_page
from tasks.settings import Settings
from tests.browser import chromium
from tests.sample_tables import PLAIN_LAYER, PLAIN_SAE, both_loads, sample_tables
from tests.sample_tables.attacks import ATTACK_ANALYSIS
from tests.sample_tables.dimensions import NEURON_DIMENSIONS, PCA_DIMENSIONS, PLACES, PLANTED_DIMENSIONS
from tests.sample_tables.families import CROSSCODER_FAMILIES, PLANTED_FAMILIES, SAE_FAMILIES, SAE_PLANTED_FAMILIES
from tests.sample_tables.planted import CROSSCODER, FEATURES, GROUP_ORDER, LIVE, SAE
from tests.sample_tables.polysemantic import planted_mixture
from tests.sample_tables.tuning import planted_detectors
from tests.tasks.report.conftest import snapshot_of

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402


@pytest.fixture(scope="module")
def index(published_template, tmp_path_factory) -> str:
    """Address of a site written from the published sample tables."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("browsed") / "data")
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True)
    return write_site(settings).as_uri()


@pytest.fixture(scope="module")
def early(tmp_path_factory) -> str:
    """Address of a site that has rows without transforms too."""
    folder = tmp_path_factory.mktemp("early")
    write_pages(snapshot_of(both_loads()), folder, lambda done, total: None)
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def driver(tmp_path_factory) -> Iterator["webdriver.Chrome"]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


@pytest.fixture
def browser(driver) -> Iterator["webdriver.Chrome"]:
    """The browser, in which nothing may have gone wrong by the end of the test."""
    driver.get("about:blank")
    yield driver
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def all_of(browser, selector: str) -> list:
    return browser.find_elements(By.CSS_SELECTOR, selector)


def click(browser, selector: str) -> None:
    """Click, and where it is a link to another page, wait for that page."""
    element = browser.find_element(By.CSS_SELECTOR, selector)
    leads_away = element.tag_name == "a" and not element.get_dom_attribute("href").startswith("#")
    if leads_away:
        leave(browser, element.click)
    else:
        element.click()


def visit(browser, address: str) -> None:
    leave(browser, lambda: browser.get(address))


def leave(browser, go: Callable[[], object]) -> None:
    """Go to another page, and wait until it is whole: now and then the browser comes back before it is."""
    left = str(time.monotonic_ns())
    browser.execute_script("window.left = arguments[0]", left)
    go()
    arrived = "return window.left !== arguments[0] && document.readyState === 'complete'"
    # a script that is asked while the page changes may be cut off
    between = WebDriverWait(browser, 20, ignored_exceptions=[WebDriverException])
    between.until(lambda browser: browser.execute_script(arrived, left))


def wait(browser, condition: Callable) -> None:
    WebDriverWait(browser, 20).until(condition)


def loaded(browser, selector: str) -> bool:
    """Whether there are pictures and all of them show something."""
    script = "return [...document.querySelectorAll(arguments[0])].map((picture) => picture.naturalWidth)"
    widths = browser.execute_script(script, selector)
    return bool(widths) and min(widths) > 0


def shown_features(browser) -> list[int]:
    return [int(row.get_attribute("data-feature")) for row in all_of(browser, "#results [data-feature]")]


def test_overview_counts_the_types_and_shows_what_to_look_at_first(browser, index):
    visit(browser, index)
    assert browser.title == "Overview · Kaleidoscope"
    counts = {}
    for row in all_of(browser, ".types li"):
        name, number = (row.find_element(By.CSS_SELECTOR, part).text.split("\n")[0] for part in (".name", ".number"))
        counts[name] = int(number.split()[0])
    expected = sample_tables()["feature_symmetry"]["type"].value_counts()
    assert counts == {SymmetryType(kind).label: number for kind, number in expected.iter_rows()}
    assert all_of(browser, "#notable .polar.mini .rotations")
    browser.execute_script("document.querySelector('#notable').scrollIntoView()")
    wait(browser, lambda browser: loaded(browser, "#notable .strip:nth-of-type(1) img"))


def test_sort_filter_follow_and_return(browser, index):
    visit(browser, index)
    click(browser, "nav a[href='features.html']")
    click(browser, "[data-view=table]")
    before = shown_features(browser)

    features = sample_tables()["features"].select("dictionary_id", "feature", "density")
    density = {(dictionary[:12], feature): value for dictionary, feature, value in features.iter_rows()}

    def densities() -> list[float]:
        links = [link.get_attribute("href") for link in all_of(browser, "#results tbody th a")]
        names = [urlsplit(link).path.rsplit("/", 1)[1].removesuffix(".html").rsplit("-", 1) for link in links]
        return [density[dictionary, int(feature)] for dictionary, feature in names]

    click(browser, "[data-sort=density]")
    assert shown_features(browser) != before
    descending = densities()
    assert descending == sorted(descending, reverse=True)
    assert descending[0] == max(density.values())
    click(browser, "[data-sort=density]")
    ascending = densities()
    assert ascending == sorted(ascending)
    assert ascending[0] == min(value for value in density.values() if value)
    assert browser.find_element(By.CSS_SELECTOR, "th[aria-sort=ascending]").text.startswith("Density")

    click(browser, "[data-filter-type=period-180]")
    types = sample_tables()["feature_symmetry"].filter(pl.col("type") == "period-180")
    found = shown_features(browser)
    assert sorted(found) == sorted(types["feature"])
    assert {row.get_attribute("data-type") for row in all_of(browser, "#results [data-feature]")} == {"period-180"}
    address = browser.current_url

    click(browser, "#results tbody th a")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith(f"Feature {found[0]}")
    assert len(all_of(browser, "#polar .point")) == GROUP_ORDER
    assert len(all_of(browser, "#polar .point.reflection")) == GROUP_ORDER // 2
    assert len(all_of(browser, "#harmonics .bar")) == GROUP_ORDER // 4 + 1
    wait(browser, lambda browser: loaded(browser, ".examples img"))

    leave(browser, browser.back)
    assert browser.current_url == address
    assert shown_features(browser) == found


def test_the_address_alone_restores_a_view(browser, index):
    visit(browser, index.replace("index.html", "features.html") + "#types=invariant&sort=feature&order=down")
    expected = sample_tables()["feature_symmetry"].filter(type="invariant")["feature"].to_list()
    wait(browser, lambda browser: shown_features(browser) == sorted(expected, reverse=True))
    assert browser.find_element(By.CSS_SELECTOR, "[data-filter-type=invariant]").get_attribute("aria-pressed") == "true"


def test_pages_of_the_gallery_hold_every_feature_once(browser, index):
    visit(browser, index.replace("index.html", "features.html"))
    addresses = [link.get_attribute("href") for link in all_of(browser, "#results a")]
    click(browser, "#pager [aria-label='Next page']")
    addresses += [link.get_attribute("href") for link in all_of(browser, "#results a")]
    live = sample_tables()["features"].filter(~pl.col("dead"))
    assert len(addresses) == len(set(addresses)) == live.height


def test_a_chosen_transform_turns_the_top_patch(browser, index):
    visit(browser, index.replace("index.html", f"features/{CROSSCODER[:12]}-1.html"))
    plot = browser.find_element(By.CSS_SELECTOR, "#polar svg")
    quarter_turn = all_of(browser, "#polar .point")[GROUP_ORDER // 8]
    ActionChains(browser).move_to_element(plot).move_to_element(quarter_turn).perform()
    assert browser.find_element(By.ID, "element-name").text == "rotated 90°"

    quarter_turn_after_mirror = GROUP_ORDER // 2 + GROUP_ORDER // 8
    browser.execute_script(
        "const slider = document.getElementById('element');"
        "slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'));"
        # what the browser itself sends of a pointer that rests on the plot while the page changes
        "const box = arguments[1].getBoundingClientRect();"
        "const at = {clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true};"
        "arguments[1].dispatchEvent(new PointerEvent('pointermove', at))",
        quarter_turn_after_mirror,
        quarter_turn,
    )
    assert browser.find_element(By.ID, "element-name").text == "mirrored, then rotated 90°"
    blocks = sample_tables()["transform_blocks"].filter(feature=1, element=quarter_turn_after_mirror)
    shown = browser.find_element(By.ID, "element-cosine").text.replace("−", "-")
    assert float(shown) == pytest.approx(blocks["cosine_to_identity"].item(), abs=1e-3)
    # where the picture's right and bottom end up (y down): the mirror takes right to left, the turn left to bottom
    matrix = browser.execute_script(
        "const m = new DOMMatrix(getComputedStyle(document.getElementById('turned')).transform);"
        "return [m.a, m.b, m.c, m.d]"
    )
    assert matrix == pytest.approx([0, 1, 1, 0], abs=1e-6)


def test_early_vision_draws_densities_and_leads_to_its_features(browser, early):
    visit(browser, early)
    assert all_of(browser, "#early-vision .densities rect")
    browser.execute_script("document.querySelector('#early-vision .cards').scrollIntoView()")
    wait(browser, lambda browser: loaded(browser, "#early-vision .cards img"))
    click(browser, "#early-vision tbody a")
    assert len(shown_features(browser)) == sum(1 for each in sample_tables()["features"]["dead"] if not each) // 2
    browser.find_element(By.ID, "stimulus").send_keys("curve")
    assert sorted(shown_features(browser)) == planted_detectors("features")
    assert "stimulus=curve" in browser.current_url


def test_circles_show_every_detector_and_lead_to_the_missing(browser, early):
    visit(browser, early)
    click(browser, "nav a[href='curves.html']")
    neurons, features = all_of(browser, ".circle")[:2]
    for circle, kind in ((neurons, "neurons"), (features, "features")):
        drawn = [int(each.get_attribute("data-unit")) for each in circle.find_elements(By.CSS_SELECTOR, ".detector")]
        assert sorted(drawn) == planted_detectors(kind)
    assert len(features.find_elements(By.CSS_SELECTOR, ".detector.missing")) == 2
    assert len(neurons.find_elements(By.CSS_SELECTOR, ".gap")) == len(planted_detectors("neurons"))

    click(browser, ".circles summary")
    click(browser, ".circles details[open] tbody a")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Neuron 0")
    wait(browser, lambda browser: loaded(browser, ".mixture img"))
    leave(browser, browser.back)

    click(browser, "ul.missing a")
    assert browser.current_url.endswith(feature_page(PLAIN_SAE, 32))
    mean, *renderings = all_of(browser, ".sheet > .curve, .sheet > .rendering")
    # the mean's farthest point from the centre lies at the peak, 288° counter-clockwise
    x, y = browser.execute_script(
        "const path = arguments[0]; const length = path.getTotalLength();"
        "const points = Array.from({length: 500}, (_, i) => path.getPointAtLength(length * i / 500));"
        "const far = points.sort((a, b) => Math.hypot(b.x, b.y) - Math.hypot(a.x, a.y))[0]; return [far.x, far.y]",
        mean,
    )
    assert math.degrees(math.atan2(-y, x)) % 360 == pytest.approx(288, abs=3)
    assert len(renderings) == 2
    assert [key.text for key in all_of(browser, ".tuning .key")] == ["mean", "dark line", "light line"]


def test_mixed_neurons_of_one_layer(browser, early):
    visit(browser, early.replace("index.html", "neurons.html"))
    mixed = [neuron for neuron in range(FEATURES) if len(planted_mixture(neuron)) == 2]

    def shown() -> list[str]:
        # not `is_displayed`: the browser skips what is far below the window
        return [entry.get_attribute("data-layer") for entry in all_of(browser, ".mixed > li:not([hidden])")]

    assert len(shown()) == 2 * len(mixed)
    click(browser, f"[data-filter-layer='{PLAIN_LAYER}']")
    assert shown() == [PLAIN_LAYER] * len(mixed)
    assert browser.find_element(By.ID, "count").text == f"{len(mixed)} of {2 * len(mixed)} neurons"
    wait(browser, lambda browser: loaded(browser, ".mixed > :nth-child(1 of :not([hidden])) img"))
    leave(browser, browser.refresh)
    assert shown() == [PLAIN_LAYER] * len(mixed)
    click(browser, ".mixed > li:not([hidden]) .mixture a")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Feature")


def points_of(browser) -> dict[int, dict]:
    """Of the map: by feature, where it is drawn in pixels from the canvas's middle, and its family."""
    columns = browser.execute_script("return JSON.parse(document.getElementById('map-data').textContent).columns")
    width, height = browser.execute_script(
        "const map = document.querySelector('.map-frame canvas'); return [map.clientWidth, map.clientHeight]"
    )
    x, y = np.array(columns["x"]), np.array(columns["y"])
    scale = min((width - 48) / np.ptp(x), (height - 48) / np.ptp(y))
    across, up = scale * (x - (x.min() + x.max()) / 2), scale * (y - (y.min() + y.max()) / 2)
    return {
        feature: {"at": (round(float(right)), -round(float(top))), "family": family}
        for feature, right, top, family in zip(columns["feature"], across, up, columns["family"], strict=True)
    }


def colour_at(browser, at: tuple[int, int]) -> list[int]:
    """Red, green, blue, opacity of the map at pixels from its middle."""
    return browser.execute_script(
        "const map = document.querySelector('.map-frame canvas'); const ratio = window.devicePixelRatio;"
        "const [x, y] = [map.clientWidth / 2 + arguments[0], map.clientHeight / 2 + arguments[1]];"
        "return [...map.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data]",
        *at,
    )


def point_at(browser, at: tuple[int, int]) -> ActionChains:
    canvas = browser.find_element(By.CSS_SELECTOR, ".map-frame canvas")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)
    return ActionChains(browser).move_to_element_with_offset(canvas, *at)


def test_the_map_draws_features_tells_of_them_and_leads_to_them(browser, early):
    visit(browser, early)
    click(browser, "nav a[href='families.html']")
    points = points_of(browser)
    curve, line = points[16]["at"], points[22]["at"]  # of families that lie apart
    wait(browser, lambda browser: all(colour_at(browser, each["at"])[3] > 200 for each in points.values()))
    assert colour_at(browser, (0, 0))[3] == 0
    assert colour_at(browser, curve) != colour_at(browser, line)

    point_at(browser, curve).perform()
    tip = browser.find_element(By.CSS_SELECTOR, ".map-frame .tip")
    wait(browser, lambda browser: tip.is_displayed() and loaded(browser, ".tip img"))
    assert tip.text.split("\n") == ["Feature 16", "period 360°", "stimulus type curve", "family 0, 9 members, at 180°"]
    # all but its family step back
    wait(browser, lambda browser: colour_at(browser, line)[3] < 100 < colour_at(browser, points[2]["at"])[3])

    click(browser, "[data-colour=stimulus]")
    assert [legend.is_displayed() for legend in all_of(browser, "[data-legend]")] == [False, True]
    click(browser, "[data-legend=stimulus] .chip.stimulus-line")
    wait(browser, lambda browser: colour_at(browser, curve)[3] < 50 < colour_at(browser, line)[3])
    point_at(browser, curve).perform()
    assert not tip.is_displayed()
    click(browser, "[data-colour=family]")
    leave(browser, point_at(browser, curve).click().perform)
    assert browser.current_url.endswith(f"features/{feature_page(CROSSCODER, 16)}")


def test_the_map_is_walked_with_the_keyboard(browser, early):
    visit(browser, early.replace("index.html", "families.html#feature=22"))
    tip = browser.find_element(By.CSS_SELECTOR, ".map-frame .tip")
    assert tip.text.startswith("Feature 22")
    canvas = browser.find_element(By.CSS_SELECTOR, ".map-frame canvas")
    points = points_of(browser)
    canvas.send_keys(Keys.ARROW_LEFT)
    reached = int(tip.text.split("\n")[0].removeprefix("Feature "))
    assert points[reached]["at"][0] < points[22]["at"][0]
    canvas.send_keys("++")
    assert tip.is_displayed()
    leave(browser, lambda: canvas.send_keys(Keys.ENTER))
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith(f"Feature {reached}")


def test_another_dictionary_is_chosen(browser, early):
    visit(browser, early.replace("index.html", "families.html"))
    analyses = browser.find_element(By.ID, "analysis")
    leave(browser, lambda: analyses.send_keys(Keys.ARROW_DOWN))
    assert browser.current_url.endswith(f"families-{SAE_FAMILIES[:8]}.html")
    assert browser.find_element(By.CSS_SELECTOR, "#analysis option:checked").text.endswith(
        "TopK SAE 40, k 8, norm sampling, seed 0 · families"
    )
    assert len(all_of(browser, "#all .card")) == len(SAE_PLANTED_FAMILIES)
    click(browser, "#all .card")
    wait(browser, lambda browser: loaded(browser, ".members img"))
    shown = [int(number.text) for number in all_of(browser, ".members b")]
    assert sorted(shown) == sorted(SAE_PLANTED_FAMILIES[0])


def test_members_stand_around_their_circle(browser, early):
    visit(browser, early.replace("index.html", "families.html"))
    assert len(all_of(browser, "#all .card [data-small] .member")) == 9 + 2 * 5 + 4 + 4 * 2
    click(browser, "#all .card[data-family='2']")
    places = {}
    for member in all_of(browser, ".ring-of-members .member"):
        disc = member.find_element(By.CSS_SELECTOR, ".edge")
        x, y = (float(disc.get_attribute(name)) for name in ("cx", "cy"))
        places[int(member.get_attribute("data-feature"))] = (math.degrees(math.atan2(-y, x)) % 360, math.hypot(x, y))
    angles = {feature: angle for feature, (angle, _) in places.items()}
    assert angles == pytest.approx({5: 0, 13: 90, 21: 0, 37: 180}, abs=0.1)
    assert max(places[21][1], places[37][1]) < min(places[5][1], places[13][1])  # mirrored ones stand within
    missing = browser.find_element(By.CSS_SELECTOR, ".ring-of-members .missing")
    assert (float(missing.get_attribute("cx")), float(missing.get_attribute("cy")) > 100) == (0, True)
    assert all_of(browser, "[data-spread] .band")
    assert browser.find_element(By.CSS_SELECTOR, ".ring-of-members .number").text == "5"
    ActionChains(browser).move_to_element(
        browser.find_element(By.CSS_SELECTOR, ".ring-of-members [data-feature='13']")
    ).perform()
    assert browser.find_element(By.CSS_SELECTOR, ".ring-of-members .number").text == "13"

    click(browser, "a[rel=prev]")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Family 1")
    again = all_of(browser, ".ring-of-members .member.again")
    assert len(again) == len(all_of(browser, ".ring-of-members .member")) / 2 == 5
    click(browser, ".ring-of-members .member[data-feature='14']")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Feature 14")


def test_dimensions_have_strips_and_curves_and_methods_are_changed(browser, early):
    visit(browser, early)
    click(browser, "nav a[href='dimensions.html']")
    pca, neurons = (f"[id='{key[:12]}']" for key in (PCA_DIMENSIONS, NEURON_DIMENSIONS))
    first = f"[id='{PCA_DIMENSIONS[:12]}-0']"
    browser.execute_script("arguments[0].scrollIntoView()", browser.find_element(By.CSS_SELECTOR, first))
    wait(browser, lambda browser: loaded(browser, f"{first} img"))
    assert len(all_of(browser, f"{first} img")) == 2 * PLACES
    # orientation: the mean goes twice around, and is largest at 0° and 180°
    angles = browser.execute_script(
        "const path = document.querySelector(arguments[0]);"
        "const points = path.getAttribute('d').slice(1, -1).split('L').map((point) => point.split(' ').map(Number));"
        "const far = Math.max(...points.map(([x, y]) => Math.hypot(x, y)));"
        "return points.filter(([x, y]) => Math.hypot(x, y) > far - 0.1).map(([x, y]) => Math.atan2(-y, x))",
        f"{first} .along .mean",
    )
    assert sorted(math.degrees(angle) % 360 for angle in angles) == pytest.approx([0, 180], abs=1)
    assert len(all_of(browser, f"{pca} .along svg")) == len(PLANTED_DIMENSIONS)
    assert len(all_of(browser, f"{pca} .irreps rect")) > len(PLANTED_DIMENSIONS)
    assert len(all_of(browser, "section:has(.heat) .line.method-pca")) == 3  # variance, kept, removed

    click(browser, f"[data-method='{NEURON_DIMENSIONS[:12]}']")
    assert not browser.find_element(By.CSS_SELECTOR, pca).is_displayed()
    assert browser.find_element(By.CSS_SELECTOR, neurons).is_displayed()
    click(browser, f".heat a[href='#{PCA_DIMENSIONS[:12]}-1']")
    wait(browser, lambda browser: browser.find_element(By.CSS_SELECTOR, pca).is_displayed())
    assert not browser.find_element(By.CSS_SELECTOR, neurons).is_displayed()
    strip = browser.find_element(By.CSS_SELECTOR, f"[id='{PCA_DIMENSIONS[:12]}-1']")
    wait(browser, lambda browser: abs(strip.rect["y"] - browser.execute_script("return scrollY")) < 900)
    assert strip.find_element(By.CSS_SELECTOR, ".badge").text == "frequency"


def test_attack_and_epsilon_are_chosen(browser, early):
    visit(browser, early)
    click(browser, "nav a[href='attacks.html']")
    experiment = f"[id='experiment-{ATTACK_ANALYSIS[:12]}']"

    def shown(selector: str) -> list:
        return [each for each in all_of(browser, f"{experiment} {selector}") if each.is_displayed()]

    def pictures() -> list[str]:
        return [each.get_attribute("src") for each in shown(".exemplar-rows img")]

    def row() -> str:
        (row,) = shown(".before-after tr[aria-current='true']")
        return row.text.replace("\n", " ")

    browser.execute_script(
        "arguments[0].scrollIntoView()", browser.find_element(By.CSS_SELECTOR, f"{experiment} .sheet")
    )
    wait(browser, lambda browser: all(each.get_property("naturalWidth") for each in shown(".exemplar-rows img")))
    before = pictures()
    assert len(before) == 12
    assert row() == "CAV 0.07 speaks against"

    click(browser, f"{experiment} [value='concept-token-pushing']")
    assert row() == "token pushing 0.33 no evidence"
    after = pictures()
    assert before[:4] == after[:4]  # clean
    assert not {*before[4:]} & {*after[4:]}
    wait(browser, lambda browser: all(each.get_property("naturalWidth") for each in shown(".exemplar-rows img")))
    pressed = [button.text for button in all_of(browser, f"{experiment} [aria-pressed='true']")]
    assert pressed == ["token pushing", "8"]

    # with the keyboard
    browser.find_element(By.CSS_SELECTOR, f"{experiment} [data-choose='epsilon'][value='2']").send_keys(Keys.ENTER)
    assert row() == "token pushing 0.93 matters"
    assert not {*pictures()[4:8]} & {*after[4:8]}
    assert len(shown(".transfer")) == 1
    assert shown(".transfer td.flipped") == []
    assert "by at most 2/255" in shown("dl.facts")[0].text

    # through the random set nothing was made at this ε
    assert shown(".none") == []
    click(browser, f"{experiment} [value='random-random-set']")
    assert len(shown(".none")) == 1
    assert pictures() == []
    click(browser, f"{experiment} [data-choose='epsilon'][value='8']")
    assert row() == "through the random set 0.53 no evidence"
    assert len(pictures()) == 12
    assert shown(".none") == []


def test_scores_are_drawn_by_epsilon_and_share(browser, early):
    visit(browser, early.replace("index.html", "attacks.html"))
    charts = [each for each in all_of(browser, "[data-effect]") if each.is_displayed()]
    assert len(charts) == 2
    line = ".line.attack-token-pushing"
    for chart, points in zip(charts, (2, 3), strict=True):
        heights = [float(each.get_attribute("cy")) for each in chart.find_elements(By.CSS_SELECTOR, f"{line} circle")]
        assert len(heights) == points
        assert heights[-1] > heights[0] + 50  # the score falls
        kinds = [each.get_attribute("class") for each in chart.find_elements(By.CSS_SELECTOR, f"{line} circle")]
        assert kinds == ["evidence"] * (points - 1) + ["nothing"]
        assert chart.find_elements(By.CSS_SELECTOR, ".line.dashed.attack-noise")
    said = charts[0].find_elements(By.CSS_SELECTOR, f"{line} circle title")[-1].get_attribute("textContent")
    assert said.startswith("token pushing, ε 8: 0.33, ")
    assert said.endswith(", no evidence")


def test_optimised_images_are_seen(browser, early):
    visit(browser, early.replace("index.html", f"features/{feature_page(PLAIN_SAE, 2)}"))
    wait(browser, lambda browser: loaded(browser, ".optimised img"))
    assert [caption.text for caption in all_of(browser, ".optimised figcaption")] == [
        "along its direction",
        "against its direction",
    ]


def test_details_of_a_feature_are_drawn_and_given_as_json(browser, index):
    visit(browser, index.replace("index.html", f"features/{feature_page(CROSSCODER, 3)}"))
    of_feature = {
        table: sample_tables()[table].filter(dictionary_id=CROSSCODER, feature=3)
        for table in ("activation_histograms", "feature_neurons", "feature_matches", "feature_heat_maps")
    }
    assert len(all_of(browser, "#histogram .bar")) == of_feature["activation_histograms"].height
    said = browser.find_element(By.CSS_SELECTOR, "#histogram svg").get_attribute("aria-label")
    assert said.startswith(f"Histogram of {of_feature['activation_histograms']['rows'].sum()} activations from ")
    assert [entry.text.split("\n")[0] for entry in all_of(browser, "#neurons li > :first-child")] == [
        f"neuron {neuron}" for neuron in of_feature["feature_neurons"].sort("rank")["neuron"]
    ]
    browser.execute_script("document.querySelector('.heat-maps').scrollIntoView({block: 'center'})")
    wait(browser, lambda browser: loaded(browser, ".heat-maps img"))
    boxes = "return [...document.querySelectorAll(arguments[0])].map((each) => each.getBoundingClientRect().width)"
    maps, photographs = (browser.execute_script(boxes, f".heat-maps {kind}") for kind in (".heat", ".photograph"))
    assert maps == pytest.approx(photographs, abs=1)
    assert len(maps) == of_feature["feature_heat_maps"].height

    catch = "HTMLAnchorElement.prototype.click = function () { window.caught = this.download; };"
    catch += "URL.createObjectURL = (blob) => { blob.text().then(arguments[0]); return '#'; };"
    saved = json.loads(browser.execute_async_script(f"{catch} document.getElementById('as-json').click();"))
    assert browser.execute_script("return window.caught") == f"{CROSSCODER[:12]}-3.json"
    assert saved["dictionary_id"] == CROSSCODER
    assert len(saved["symmetry"]["profile"]) == GROUP_ORDER
    matches = [match["cosine"] for match in saved["matches"]]
    assert matches == of_feature["feature_matches"].sort("cosine", descending=True)["cosine"].to_list()

    assert len(all_of(browser, "#matches tbody tr")) == 2
    click(browser, "#matches a")
    assert browser.find_element(By.TAG_NAME, "h1").text.startswith("Feature 35")


def search(browser, words: str) -> list[int]:
    field = browser.find_element(By.ID, "search")
    field.clear()
    field.send_keys(words)
    return sorted(shown_features(browser))


def test_features_are_searched_by_words_and_numbers(browser, index):
    visit(browser, index.replace("index.html", "features.html"))
    types = sample_tables()["feature_symmetry"].filter(pl.col("feature").is_in(LIVE))
    of_type = {kind: sorted(types.filter(type=kind)["feature"]) for kind in types["type"].unique()}
    assert search(browser, "invariant") == of_type["invariant"]
    assert search(browser, "period 180") == of_type["period-180"]
    # both dictionaries have such features
    assert search(browser, "3") == sorted(2 * [feature for feature in LIVE if str(feature).startswith("3")])
    families = [{*elements} for *_, elements in PLANTED_FAMILIES]
    assert search(browser, "family 1 crosscoder") == sorted(families[1])
    assert search(browser, "curve nowhere") == []
    assert "search=curve+nowhere" in browser.current_url
    assert "No feature matches" in browser.find_element(By.ID, "results").text
    assert search(browser, "edge crosscoder") == sorted({*families[2], 34})  # 34 is in a family of curves


def test_cards_name_their_dictionary(browser, index):
    visit(browser, index.replace("index.html", "features.html") + "#sort=feature&order=up")
    assert {card.text for card in all_of(browser, "#results .card .of")} == {
        "blocks.5 · TopK group crosscoder 40, D8, k 8, norm sampling, seed 0",
        "blocks.5 · TopK SAE 40, k 8, norm sampling, seed 0",
    }


def test_two_features_stand_side_by_side_and_in_the_address(browser, index):
    visit(browser, index.replace("index.html", "features.html") + "#sort=feature&order=up")
    assert not browser.find_element(By.ID, "compare").is_displayed()
    names = [feature_name(CROSSCODER, 4), feature_name(SAE, 5)]
    for name in names:
        button = browser.find_element(By.CSS_SELECTOR, f"button[data-compare='{name}']")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        assert browser.switch_to.active_element.get_attribute("data-compare") == name
    pressed = all_of(browser, "button[data-compare][aria-pressed=true]")
    assert sorted(button.get_attribute("data-compare") for button in pressed) == sorted(names)
    address = browser.current_url

    visit(browser, "about:blank")
    visit(browser, address)
    columns = all_of(browser, "#compare article")
    assert [column.get_attribute("data-compared") for column in columns] == names
    browser.execute_script("document.getElementById('compare').scrollIntoView()")
    wait(browser, lambda browser: loaded(browser, "#compare article img"))
    assert [len(column.find_elements(By.TAG_NAME, "img")) for column in columns] == [4, 4]
    assert len(columns[0].find_elements(By.CSS_SELECTOR, ".polar .point")) == GROUP_ORDER
    assert "no profile" in columns[1].text
    rows = {row.text.split(" ", 1)[0]: row.text for row in all_of(browser, "#compare tbody tr")}
    confidence = sample_tables()["feature_symmetry"].filter(feature=4)["confidence"].item()
    assert rows["Confidence"] == f"Confidence {confidence:.2f} –"
    assert "group crosscoder" in rows["Dictionary"]
    assert "SAE" in rows["Dictionary"]
    click(browser, "#compare button")
    assert not browser.find_element(By.ID, "compare").is_displayed()
    assert "compare" not in browser.current_url


def test_each_patch_of_a_sheet_is_shown_at_its_place(browser, index):
    """What the browser draws in each box is compared with the patch of the tables."""
    visit(browser, index.replace("index.html", f"features/{feature_page(CROSSCODER, 5)}"))
    wait(browser, lambda browser: loaded(browser, ".examples img"))
    stored = sample_tables()["feature_examples"].filter(dictionary_id=CROSSCODER, feature=5).sort("rank")["patch"]
    top = browser.find_element(By.CSS_SELECTOR, ".examples").find_elements(By.TAG_NAME, "img")
    for place, (picture, blob) in enumerate(zip(top, stored, strict=True)):
        patch = Image.open(io.BytesIO(blob)).convert("RGB").resize((32, 32))
        shown = Image.open(io.BytesIO(picture.screenshot_as_png)).convert("RGB").resize((32, 32))
        difference = np.asarray(shown).astype(float) - np.asarray(patch).astype(float)
        assert np.abs(difference[4:-4, 4:-4]).mean() < 12, place  # without the rounded corners


# what a reader meets: text that is too small, pictures without a text, and how wide the page is
INSPECTED = """
const small = [], nameless = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const { data, parentElement: parent } = walker.currentNode;
  if (!data.trim() || !parent.checkVisibility() || !parent.getClientRects().length) continue;
  const svg = parent.closest("svg");
  const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  const size = parseFloat(getComputedStyle(parent).fontSize) * scale;
  if (size < 11.99) small.push(`${data.trim().slice(0, 40)}: ${size.toFixed(1)} px`);
}
for (const picture of document.querySelectorAll("img, svg, canvas")) {
  if (picture.closest("[aria-hidden=true]")) continue;
  const title = picture.querySelector(":scope > title")?.textContent;
  const said = picture.tagName === "IMG" ? picture.alt : picture.getAttribute("aria-label") ?? title;
  if (!said?.trim()) nameless.push(picture.outerHTML.slice(0, 120));
}
return [small, nameless, document.documentElement.scrollWidth];
"""


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_pages_are_legible_named_and_no_wider_than_the_window(browser, early, width):
    names = ("index", "features", "curves", "neurons", "families", "dimensions", "attacks")
    folder = Path(unquote(urlsplit(early).path)).parent
    pages = [
        *(f"{name}.html" for name in names),
        f"features.html#compare={feature_name(CROSSCODER, 4)},{feature_name(SAE, 5)}",
        "features.html#view=table",
        f"features/{feature_page(PLAIN_SAE, 4)}",
        f"features/{feature_page(CROSSCODER, 5)}",
        f"families/{family_page(CROSSCODER, CROSSCODER_FAMILIES, 2)}",
        str(next(folder.glob("neurons/*.html")).relative_to(folder)),
    ]
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        for page in pages:
            visit(browser, "about:blank")
            visit(browser, early.replace("index.html", page))
            browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
            # plots set the size of their text when they have been laid out
            frames = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
            browser.execute_async_script(frames)
            small, nameless, wide = browser.execute_script(INSPECTED)
            assert (small, nameless) == ([], []), page
            assert wide <= width, page
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
