/* Sets the explorers of a page in motion without a kernel.

In Jupyter an explorer's module gets its model from the kernel; here it gets one that holds what the notebook stored. Its picture stands
in the page already and stays there when anything goes wrong. So that an old browser comes as far as the words that say so, here and in
page.js stands nothing newer than import(): a module may be newer. */
"use strict";

{
  /* What a module may ask of its model: read and change its traits, and be told when they change. */
  const modelOf = (kept) => {
    const traits = kept.state, heard = new Map();
    const tell = (name, ...said) => [...(heard.get(name) || [])].forEach((listener) => listener(...said));
    for (const { path, data } of kept.buffers) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      const last = path.at(-1), owner = path.slice(0, -1).reduce((part, key) => part[key], traits);
      owner[last] = new DataView(bytes.buffer);
    }
    const model = {
      get: (name) => traits[name],
      set(name, value) {
        const news = Object.entries(typeof name === "string" ? { [name]: value } : name).filter(([key, to]) => traits[key] !== to);
        for (const [key, to] of news) traits[key] = to;
        for (const [key, to] of news) tell(`change:${key}`, model, to);
        if (news.length) tell("change", model);
      },
      on(names, listener) {
        for (const name of names.split(" ")) heard.set(name, [...(heard.get(name) || []), listener]);
      },
      off(names, listener) {
        const which = names ? names.split(" ") : [...heard.keys()];
        for (const name of which) heard.set(name, listener ? (heard.get(name) || []).filter((other) => other !== listener) : []);
      },
      save_changes() {},
      send() {},
    };
    return model;
  };

  /* `kept` is what the notebook stored of the explorer at `place`, `esm` its module. */
  const mount = async (place, kept, esm) => {
    const script = place.querySelector("script"), still = place.querySelector(".still"), el = document.createElement("div");
    if (still) kept.state.still.svg = still.firstElementChild.outerHTML;
    const address = URL.createObjectURL(new Blob([esm], { type: "text/javascript" }));
    try {
      const { default: widget } = await import(address);
      const { initialize, render } = typeof widget === "function" ? await widget() : widget;
      const model = modelOf(kept);
      if (initialize) await initialize({ model });
      place.append(el);
      await render({ model, el });
      if (kept.state._css) el.prepend(Object.assign(document.createElement("style"), { textContent: kept.state._css }));
      if (still) still.remove();
      place.classList.add("moves");
    } catch (error) {
      const words = `This explorer does not move in this browser (${error.message}).`;
      el.remove();
      place.append(Object.assign(document.createElement("p"), { textContent: words }));
    } finally {
      URL.revokeObjectURL(address);
      script.remove();
    }
  };

  /* Each explorer that has been read begins to move, while the rest of a long page is still on its way. */
  const begun = [];
  window.setInMotion = () => {
    for (const script of document.querySelectorAll(".stored-explorer > script")) {
      const place = script.parentElement, read = place.nextElementSibling || document.readyState !== "loading";
      if (!read || begun.some((other) => other.place === place)) continue;
      const kept = JSON.parse(script.textContent);
      begun.push({ place, kept });
      mount(place, kept, kept.state._esm || begun[kept.like].kept.state._esm);
    }
  };
  window.setInMotion();
  addEventListener("DOMContentLoaded", window.setInMotion);
}
