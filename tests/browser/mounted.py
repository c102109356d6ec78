"""An explorer on a bare page with no kernel, as the site shows it: its stored traits, its own script, and a model that only remembers."""

import json

from nalu_helpers.explorers import parts

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Explorer</title>
<style>:root {{ color-scheme: {scheme}; --pst-color-text-base: {ink}; --pst-color-background: {paper} }}
body {{ background: {paper}; color: {ink}; font-family: sans-serif }}</style>
<main><h1>Explorer</h1><div id="here"></div></main>
<script type="module">
const state = {state}, told = {{}}
window.model = {{
  get: name => state[name],
  set: (name, value) => {{ state[name] = value; (told[`change:${{name}}`] || []).forEach(tell => tell()) }},
  save_changes: () => {{}},
  send: message => {{ (window.sent ||= []).push(message) }},
  hear: message => (told["msg:custom"] || []).forEach(tell => tell(message)), // as if the kernel said it
  on: (event, tell) => (told[event] ||= []).push(tell),
  off: (event, tell) => {{ told[event] = (told[event] || []).filter(other => other !== tell) }},
}}
const {{ default: own }} = await import(URL.createObjectURL(new Blob([state._esm], {{ type: 'text/javascript' }})))
window.leave = await own.render({{ model, el: document.getElementById('here') }})
window.ready = true
</script></html>"""

# The smallest letters in the explorers' pictures, in pixels. Those of a still picture are drawn, at 11 or more.
ENOUGH = 11
SMALLEST = """() => [...document.querySelectorAll('.explorer svg')].flatMap(picture => {
    const scale = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width
    const written = [...picture.querySelectorAll('text')].filter(text => text.textContent)
    const sizes = written.map(text => parseFloat(getComputedStyle(text).fontSize))
    return [...sizes, ...picture.querySelector('use') ? [11] : []].map(size => scale * size)
}).filter(Boolean).reduce((least, size) => Math.min(least, Math.round(100 * size) / 100), Infinity)"""

# What is written in the explorers and is cut off, lies beyond its picture, or lies on other words. Boxes of words are higher than the
# words, so they may touch.
CROWDED = """() => [...document.querySelectorAll('.explorer')].flatMap(explorer => {
    const parts = [...explorer.querySelectorAll('svg text, label, output, button, select, input, .question, .line')]
    const seen = parts.filter(part => part.getClientRects().length && part.getBoundingClientRect().width)
    const boxes = seen.map(part => [part, part.getBoundingClientRect(), part.textContent.slice(0, 40) || part.tagName]), wrong = []
    for (const [i, [part, box, words]] of boxes.entries()) {
        const all = part.ownerSVGElement?.getBoundingClientRect(), cut = part.clientWidth && part.scrollWidth > part.clientWidth + 1
        const beyond = all && Math.max(all.left - box.left, box.right - all.right, all.top - box.top, box.bottom - all.bottom)
        if (beyond > 4) wrong.push(`${words}: beyond the picture`)
        if (!all && part.tagName !== 'INPUT' && cut) wrong.push(`${words}: cut off`)
        for (const [other, its, said] of boxes.slice(i + 1)) {
            if (part.contains(other)) continue
            const across = Math.min(box.right, its.right) - Math.max(box.left, its.left)
            if (across > 4 && Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 4) wrong.push(`${words}: on ${said}`)
        }
    }
    return wrong
})"""


def page_of(explorer, dark=False):
    """The page as text."""
    state = json.dumps(explorer.get_state(), ensure_ascii=False).replace("</", "<\\/")
    ink, paper, scheme = ("#dddddd", "#121212", "dark") if dark else ("#222222", "#ffffff", "light")
    return PAGE.format(state=state, ink=ink, paper=paper, scheme=scheme)


def show(page, explorer, dark=False):
    """Show `explorer` on `page`, and wait until it is there."""
    page.set_content(page_of(explorer, dark))
    page.wait_for_function("window.ready")


def ask(page, function, *arguments, scripts="parts"):
    """What a function of the explorers' scripts returns."""
    text = "\n".join((parts.HERE / f"{name}.js").read_text(encoding="utf-8") for name in scripts.split())
    text = text.replace("export default", "const own =")
    return page.evaluate(f"argument => {{ const CSS = ''\n{text}\nreturn ({function})(argument) }}", arguments[0] if arguments else None)
