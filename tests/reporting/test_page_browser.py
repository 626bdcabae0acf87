"""The page in a headless Chromium, opened from disk.

After a test of the fixture `page`, an error in the browser's console, or a loaded address that is
not on this disk, fails the test.
"""

import json
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from mmbench.reporting import ReportSpec
from mmbench.reporting.documents import Cell, PageSection, Table

pytestmark = pytest.mark.slow

SCRIPT = "<script>alert(1)</script>"


def chromium(width=1280, height=900, scheme="light"):
    """Return a browser without a window; skip where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    # a window cannot be as narrow as a phone, but the page in it can
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    return browser


def requested(browser):
    """Return every address that the browser asked for since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


@pytest.fixture(scope="module")
def shared_browser():
    browser = chromium()
    yield browser
    browser.quit()


@pytest.fixture
def index(stored, page_of):
    """The page of a benchmark in which a data set and a method are named like a script."""
    fields = stored.spec.model_dump()
    fields["datasets"][0]["title"] = fields["methods"][3]["title"] = SCRIPT
    stored.spec = ReportSpec.model_validate(fields)
    stored.card["remark"] = SCRIPT
    ranks = Table(
        "ranks", f"Ranks {SCRIPT}", "", [Cell("method")], [[Cell(SCRIPT, "best", SCRIPT)]]
    )
    return page_of(sections=[PageSection(SCRIPT, SCRIPT, [ranks])]) / "index.html"


@pytest.fixture
def page(shared_browser, index):
    """The page, opened and ready; afterwards, what the browser has to complain of."""
    browser = shared_browser
    browser.get_log("browser")
    requested(browser)
    browser.get(index.as_uri())
    wait(browser, lambda: browser.find_element(By.ID, "controls").is_displayed())
    yield browser
    assert browser.get_log("browser") == []
    addresses = requested(browser)
    assert index.as_uri() in addresses
    assert [url for url in addresses if not url.startswith(("file://", "data:"))] == []


def wait(browser, condition):
    WebDriverWait(browser, 20).until(lambda _: condition())


def column(browser, number):
    """Return the texts of a column of the leaderboard, from the top."""
    rows = browser.find_elements(By.CSS_SELECTOR, "#board tbody tr")
    return [row.find_elements(By.CSS_SELECTOR, "th, td")[number].text for row in rows]


def heads(browser):
    return [
        h.text.split("\n")[0] for h in browser.find_elements(By.CSS_SELECTOR, "#board thead th")
    ]


def sort_by(browser, number, direction):
    """Click a head of the leaderboard, which sorts it and wait until it is sorted."""
    head = browser.find_elements(By.CSS_SELECTOR, "#board thead th")[number]
    head.find_element(By.CSS_SELECTOR, "[role=button]").click()
    wait(browser, lambda: head.get_attribute("aria-sort") == direction)


def choose(browser, name, value):
    Select(browser.find_element(By.ID, name)).select_by_value(value)


def cell(browser, method, dataset):
    return browser.find_element(By.CSS_SELECTOR, f'#board [data-cell="{method},{dataset}"]')


def is_open(browser):
    return browser.find_element(By.ID, "cell").get_attribute("open") is not None


def opened(browser):
    """Return the text of the dialog, once it has loaded."""
    wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#cell-body table"))
    return browser.find_element(By.ID, "cell").text


def test_the_leaderboard_shows_means_marks_the_best_and_counts_failed_seeds(page):
    assert column(page, 1) == [
        "0.100 ± 0.000",
        "0.300 ± 0.000",
        "0.600 ± 0.100",
        "0.850 ± 0.050†",
        "0.700 ± 0.000 2/3",
        "n/a",
    ]
    best = [cell.text for cell in page.find_elements(By.CSS_SELECTOR, "#board td.best")]
    tied = "0.500 ± 0.100"  # three methods share the first place of one data set
    assert best == [tied, tied, "0.850 ± 0.050†", tied, "0.850 ± 0.050"]
    assert page.find_elements(By.CSS_SELECTOR, "#board td.second")[0].text == "0.700 ± 0.000 2/3"


def test_a_head_sorts_both_ways_with_what_has_no_score_last(page):
    sort_by(page, 1, "descending")
    assert column(page, 1)[0].startswith("0.850")
    assert column(page, 1)[-1] == "n/a"
    sort_by(page, 1, "ascending")
    assert column(page, 1)[0].startswith("0.100")
    assert column(page, 1)[-1] == "n/a"


def test_sorting_follows_the_metric_that_is_shown(page):
    choose(page, "metric", "nmi")
    sort_by(page, 1, "descending")
    assert column(page, 1)[:2] == ["0.425 ± 0.025†", "0.350 ± 0.000 2/3"]


def test_filters_hide_methods_and_data_sets_and_say_how_many_are_left(page):
    count = page.find_element(By.ID, "board-count")
    assert count.text == "6 of 6 methods, 4 of 5 data sets"
    assert heads(page) == ["Method", SCRIPT, "Halves", "Parts & <b>bold</b>|50%", "Away"]
    page.find_element(By.ID, "filter-methods").send_keys("MEANS")
    assert column(page, 0) == ["k-means", "k_means, all ‡"]
    page.find_element(By.ID, "filter-datasets").send_keys("halves")
    assert heads(page) == ["Method", "Halves"]
    assert count.text == "2 of 6 methods, 1 of 5 data sets"
    page.find_element(By.ID, "filter-datasets").clear()
    page.find_element(By.ID, "filter-datasets").send_keys(" ")
    choose(page, "data_setting", "images")
    assert heads(page) == ["Method", "Away"]


def test_sets_paired_by_label_stand_apart(page):
    choose(page, "pairing", "by-label")
    assert heads(page) == ["Method", "Joined paired by label"]


def test_the_oracle_is_in_italics_called_so_and_never_best(page):
    choose(page, "selection", "oracle")
    statement = page.find_element(By.ID, "board-statement").text
    assert statement.startswith("Oracle: ACC")
    assert "not a valid result" in statement
    assert column(page, 1)[:4] == ["–", "0.433 ± 0.153", "–", "0.900 ± 0.000†"]
    assert page.find_elements(By.CSS_SELECTOR, "#board .best, #board .second") == []
    style = cell(page, 3, 0).value_of_css_property("font-style")
    assert style == "italic"


def test_a_cell_opens_its_runs_and_escape_gives_the_focus_back(page):
    button = cell(page, 4, 0)
    button.click()
    text = opened(page)
    assert "Seed 1 diverged: loss is NaN at epoch 3" in text
    assert "mmbench run dmim digits --seeds 3 --precision float32" in text
    assert "These runs logged no losses." in text
    page.find_element(By.XPATH, "//summary[.='End of the log']").click()
    assert "loss is NaN </script>" in page.find_element(By.ID, "cell").text
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not is_open(page)
    assert page.switch_to.active_element == button


def test_the_curves_of_a_cell_are_drawn_a_line_for_each_seed(page):
    cell(page, 3, 0).click()
    opened(page)
    wait(page, lambda: len(page.find_elements(By.CSS_SELECTOR, "#plot .scatterlayer .trace")) == 2)
    Select(page.find_element(By.CSS_SELECTOR, "#cell select")).select_by_visible_text("contrast")
    wait(page, lambda: len(page.find_elements(By.CSS_SELECTOR, "#plot .scatterlayer .trace")) == 1)


def test_the_keyboard_alone_reaches_a_cell_opens_it_and_comes_back(page):
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the leaderboard"
    for _ in range(60):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if page.switch_to.active_element.get_attribute("data-cell"):
            break
    first = page.switch_to.active_element
    assert first.get_attribute("data-cell") == "0,0"
    outline = first.value_of_css_property("outline-style")
    assert outline == "solid"  # the focus can be seen
    first.send_keys(Keys.ARROW_DOWN)
    page.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    reached = page.switch_to.active_element
    assert reached.get_attribute("data-cell") == "1,2"  # data set 1 is apart, and not shown
    reached.send_keys(Keys.ENTER)
    opened(page)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not is_open(page)
    assert page.switch_to.active_element == reached


def test_a_name_that_looks_like_a_script_is_shown_and_does_not_run(page):
    cell(page, 3, 0).click()  # an alert would make every command after it fail
    assert f"{SCRIPT} on {SCRIPT}" in opened(page)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert column(page, 0)[3] == SCRIPT
    assert heads(page)[1] == SCRIPT
    assert page.find_element(By.CSS_SELECTOR, "#section-1 h2").text == SCRIPT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_that_of_the_reader_and_can_be_switched(index, scheme):
    browser = chromium(scheme=scheme)
    try:
        browser.get(index.as_uri())
        light = "rgba(255, 255, 255, 1)"
        body = browser.find_element(By.TAG_NAME, "body")
        assert (body.value_of_css_property("background-color") == light) == (scheme == "light")
        browser.find_element(By.ID, "theme").click()
        assert (body.value_of_css_property("background-color") == light) == (scheme == "dark")
    finally:
        browser.quit()


def test_a_phone_scrolls_the_tables_and_never_the_page(index):
    browser = chromium(width=380, height=800)
    try:
        browser.get(index.as_uri())
        wait(browser, lambda: browser.find_element(By.ID, "controls").is_displayed())
        for fold in browser.find_elements(By.CSS_SELECTOR, "details"):
            browser.execute_script("arguments[0].open = true", fold)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 380
        assert browser.execute_script(
            "const box = document.getElementById('board').parentElement;"
            "return box.scrollWidth > box.clientWidth"
        )
        cell(browser, 3, 0).click()
        opened(browser)
        dialog = "document.getElementById('cell')"
        assert browser.execute_script(f"return {dialog}.scrollWidth <= {dialog}.clientWidth")
        assert browser.execute_script(f"return {dialog}.getBoundingClientRect().right") <= 380
    finally:
        browser.quit()


def test_a_missing_script_is_named_in_the_dialog(shared_browser, index):
    for script in (index.parent / "data").iterdir():
        script.unlink()
    shared_browser.get(index.as_uri())
    wait(shared_browser, lambda: shared_browser.find_element(By.ID, "controls").is_displayed())
    cell(shared_browser, 3, 0).click()
    body = shared_browser.find_element(By.ID, "cell-body")
    wait(shared_browser, lambda: "cannot be read. Is the folder complete?" in body.text)
    shared_browser.get_log("browser")  # it complains of the missing file, as it should
