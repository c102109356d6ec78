/* A page opened as a file may not read its neighbours: the search then shows titles alone, without the lines around what it found. */
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

/* On paper nothing can be unfolded, and paper is light. */
{
  let theme;
  addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((part) => { part.open = true; });
    theme = theme || document.documentElement.dataset.theme; // a browser may tell it twice
    document.documentElement.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    if (theme) document.documentElement.dataset.theme = theme;
    theme = undefined;
  });
}

/* What a screen reader needs and the theme leaves out: a name for the arrows that unfold the contents, and plain paragraphs where the
literature's entries have a role that is no longer in use. */
addEventListener("DOMContentLoaded", () => {
  for (const toggle of document.querySelectorAll("summary > .toctree-toggle")) {
    toggle.parentElement.setAttribute("aria-label", `What is below ${toggle.closest("li").querySelector("a").textContent}`);
  }
  document.querySelectorAll(".citation, .citation-list").forEach((entry) => entry.removeAttribute("role"));
});

/* A figure or a formula that is wider than the page scrolls: the arrow keys can do it, too. */
addEventListener("DOMContentLoaded", () => {
  const watcher = new ResizeObserver((seen) => seen.forEach(({ target }) => {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));
  document.querySelectorAll(".bd-article figure, div.math > math").forEach((part) => watcher.observe(part));
});

/* The lines around what a search found come from the page's text, without its lists and buttons; Sphinx looks for the stems of the words
that were typed, which are no words themselves. */
addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const { makeSearchSummary } = Search, typed = (new URLSearchParams(location.search).get("q") || "").toLowerCase().split(/\s+/);
  Search.htmlToText = (page, anchor) => {
    const article = new DOMParser().parseFromString(page, "text/html").querySelector(".bd-article");
    if (!article) return "";
    article.querySelectorAll(".headerlink, script, style, svg").forEach((part) => part.remove());
    return ((anchor && article.querySelector(anchor)) || article).textContent.replace(/\s+/g, " ").trim();
  };
  Search.makeSearchSummary = (page, stems, anchor) => makeSearchSummary(page, [...stems, ...typed.filter((word) => word)], anchor);
});
