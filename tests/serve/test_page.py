"""The page in a real browser: wide, on a phone, and by keyboard alone."""

import shutil

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromium-driver"
)


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield found
    found.quit()


def all_of(browser, pattern):
    return browser.find_elements(By.CSS_SELECTOR, pattern)


def wait(browser, condition):
    return WebDriverWait(browser, 300).until(lambda _: condition())


@pytest.fixture(params=[1200, 390])
def page(request, browser, server):
    size = {"width": request.param, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(server.url + "/")
    wait(browser, lambda: len(all_of(browser, "#model option")) == 4)
    yield browser
    fits = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert browser.execute_script(fits)
    assert browser.get_log("browser") == []


def test_a_text_gets_labels_and_the_words_that_spoke(page):
    Select(page.find_element(By.ID, "model")).select_by_value("texts")
    field = page.find_element(By.ID, "text")
    field.clear()
    field.send_keys("a red cat in the house")
    all_of(page, "button.main")[0].click()
    wait(page, lambda: all_of(page, "li"))
    best = {each.text for each in all_of(page, "li .name b")[:2]}
    assert best == {"red", "cat"}
    words = {each.text.split()[0] for each in all_of(page, "li:first-of-type .why span")}
    assert words & best


def test_a_digit_is_drawn_by_keyboard_alone(page):
    Select(page.find_element(By.ID, "model")).select_by_value("digits")
    pad = page.find_element(By.ID, "canvas")
    page.execute_script("arguments[0].focus()", pad)
    keys = webdriver.ActionChains(page)
    keys.key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT * 6 + Keys.ARROW_DOWN * 6)
    keys.key_up(Keys.SHIFT).send_keys(Keys.ENTER).perform()
    wait(page, lambda: all_of(page, "canvas.rows"))
    assert len(all_of(page, "li .bar i")) == 5
    assert "of 64 rows fired" in all_of(page, "canvas.rows")[0].get_attribute("aria-label")


def test_rows_of_numbers_get_values_and_errors_are_told(page):
    Select(page.find_element(By.ID, "model")).select_by_value("values")
    row = page.find_element(By.ID, "row")
    for numbers, told in (("1, 2", "answered in"), ("1", "a row has 1 numbers"), ("a b", '"a"')):
        row.clear()
        row.send_keys(numbers, Keys.CONTROL, Keys.ENTER)
        wait(page, lambda told=told: told in page.find_element(By.ID, "answer").text)
    page.get_log("browser")  # a refusal is one of the browser's errors


def test_the_description_is_a_page(page, server):
    page.get(server.url + "/docs")
    wait(page, lambda: len(all_of(page, "details")) > 8)
    assert "POST /v1/topk" in page.find_element(By.ID, "all").text
