/* A page opened as a file may not read its neighbours: the search then shows titles alone, without the lines around what it found. */
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

/* On paper nothing can be unfolded. */
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
