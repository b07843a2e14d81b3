// Pages work without this script. It searches as one types, and fetches parts of a page that take longer than the rest.
// What it shows is a part of a page of this server, where every text is escaped; markup is never put together here.
"use strict";

const PAUSE_MS = 120;

// A part of a page by its id. A session that has ended shows the form to log in.
async function part(address, id, signal) {
  const response = await fetch(address, { signal });
  if (response.status === 401) location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return page.getElementById(id);
}

function searchAsOneTypes(query) {
  let timer;
  let running = new AbortController();
  const search = async () => {
    running.abort();
    running = new AbortController();
    const address = query.value.trim() === "" ? "/" : `/?q=${encodeURIComponent(query.value)}`;
    try {
      const results = await part(address, "results", running.signal);
      if (results === null) return;
      document.getElementById("results").replaceWith(results);
      reachWhatScrolls();
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
    }
  };
  query.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, PAUSE_MS);
  });
}

// The arrow keys go from the query through the hits, and "/" goes to the query.
function moveByKeys(query) {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      query.focus();
      query.select();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const stops = [query, ...document.querySelectorAll("#results .hits a")];
    const at = stops.indexOf(document.activeElement);
    if (at < 0 || stops[at + step] === undefined) return;
    event.preventDefault();
    stops[at + step].focus();
  });
}

// What is wider than its place can be scrolled by keys, once it can have the focus.
function reachWhatScrolls() {
  for (const box of document.querySelectorAll("table, pre, figure")) {
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls && !box.hasAttribute("tabindex")) {
      box.tabIndex = 0;
      box.dataset.scrolls = "";
    } else if (!scrolls && "scrolls" in box.dataset) {
      box.removeAttribute("tabindex");
      delete box.dataset.scrolls;
    }
  }
}

// Whoever does not see the page hears that a part of it is still to come.
async function fill(section) {
  section.ariaBusy = "true";
  try {
    const fetched = await part(section.dataset.from, "part");
    if (fetched !== null) section.replaceChildren(...fetched.childNodes);
    reachWhatScrolls();
  } finally {
    section.ariaBusy = null;
  }
}

// A part that is folded in is fetched when it is opened, others at once.
function fetchParts() {
  for (const section of document.querySelectorAll("[data-from]")) {
    const folded = section.closest("details");
    if (folded === null) fill(section);
    else folded.addEventListener("toggle", () => fill(section), { once: true });
  }
}

const query = document.getElementById("query");
if (query !== null) {
  searchAsOneTypes(query);
  moveByKeys(query);
}
fetchParts();
reachWhatScrolls();
addEventListener("resize", reachWhatScrolls);
