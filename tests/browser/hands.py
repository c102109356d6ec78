"""What a reader's hand does with an explorer: with the keys, with the mouse, or with a finger, on a page that can be touched."""

import re

HANDS = ("key", "mouse", "finger")
BUTTON = re.compile("^(Commit|Train)$")
TYPED = {"a number in words": "seven hundred and eleven", "a program": "7 + 2 - 1", "seeds": "1", "steps": "100"}  # by a field's label
STROKE = ((0.3, 0.1), (0.7, 0.1), (0.4, 0.9))  # a 7 on the pad


def use(explorer, hand):
    """Move each handle of `explorer` with `hand`, draw, press its button; yields wherever its words must have followed."""
    button, pad = explorer.get_by_role("button", name=BUTTON), explorer.locator("svg rect[fill=transparent]")
    for handle in explorer.locator("select, input").all():
        if move(explorer, handle, hand) and not button.count():
            yield
    if pad.count() and hand != "key":
        draw(pad, hand)
        yield
    if button.count():
        press(button, hand)
        yield


def press(part, hand, **where):
    """Press Enter on `part` of a page, click it or tap it."""
    if hand == "key":
        part.press("Enter")
    elif hand == "mouse":
        part.click(**where)
    else:
        part.tap(**where)


def move(explorer, handle, hand):
    """Move one handle of `explorer` to another place, if there is one, and a field if it is in TYPED; returns whether it moved."""
    look = "handle => [handle.type, handle.value, handle.labels[0]?.textContent, handle.length]"
    kind, before, label, options = handle.evaluate(look)
    if options == 1 or kind == "text" and label not in TYPED:
        return False
    if kind == "range":
        slide(handle, hand)
    elif kind == "text":
        write(explorer, handle, TYPED[label], hand)
    else:
        choose(handle, hand)
    assert handle.input_value() != before, label
    return True


def slide(handle, hand):
    if hand == "key":
        handle.press("ArrowLeft" if handle.evaluate("handle => handle.value === handle.max") else "ArrowRight")
    else:
        box = handle.bounding_box()
        press(handle, hand, position={"x": {"mouse": 0.3, "finger": 0.8}[hand] * box["width"], "y": box["height"] / 2})


def choose(handle, hand):
    """Choose the next option. A browser shows the list of them outside of the page, where no test can click: it is opened by hand."""
    at, count = handle.evaluate("handle => [handle.selectedIndex, handle.length]")
    if hand == "key":
        handle.press("ArrowUp" if at == count - 1 else "ArrowDown")
    else:
        press(handle, hand)
        handle.select_option(index=at - 1 if at == count - 1 else at + 1)


def write(explorer, handle, words, hand):
    """Write `words`; then press Enter, or click or tap on the picture."""
    if hand == "key":
        handle.focus()
    else:
        press(handle, hand)
    handle.press("ControlOrMeta+a")
    handle.press_sequentially(words)
    press(handle if hand == "key" else explorer.locator("svg").first, hand)


def draw(pad, hand):
    """Draw a 7 on the pad."""
    pad.scroll_into_view_if_needed()
    page, box = pad.page, pad.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STROKE]
    if hand == "mouse":
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=5)
        page.mouse.up()
    else:
        screen = page.context.new_cdp_session(page)
        for kind, at in (("touchStart", points[:1]), *(("touchMove", [point]) for point in points[1:]), ("touchEnd", [])):
            screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in at]})
        screen.detach()
