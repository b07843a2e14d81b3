// The search of the index: every word of the query is found as a word of a definition, or as the beginning of one.
// Whatever comes from definitions becomes text of elements, never markup.
"use strict";

const HITS_MAX = 50;

function words(text) {
  const spaced = text
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .replace(/(\p{N})(\p{L})/gu, "$1 $2");
  return spaced.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
}

// The best that a word finds in a text: all of it for the word itself, half for one that begins with it.
function found(word, text) {
  let best = 0;
  for (const known of text.split(" ")) {
    if (known === word) return 1;
    if (known.startsWith(word)) best = 0.5;
  }
  return best;
}

function score(entry, query) {
  let sum = 0;
  for (const word of query) {
    let best = 0;
    for (const [weight, text] of entry.texts) best = Math.max(best, weight * found(word, text));
    if (best === 0) return 0;
    sum += best;
  }
  return sum;
}

function search(catalog, text) {
  const query = words(text);
  if (query.length === 0) return [];
  const scored = catalog.map(({ page, entry }) => ({ page, entry, score: score(entry, query) }));
  const hits = scored.filter((hit) => hit.score > 0);
  return hits.sort((one, other) => other.score - one.score || (one.entry.name < other.entry.name ? -1 : 1));
}

function item({ page, entry }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = page;
  link.textContent = entry.name;
  const kind = document.createElement("small");
  kind.textContent = entry.kind.replaceAll("_", " ");
  item.append(link, " ", kind, " ", entry.description);
  return item;
}

function show(text) {
  const hits = search(CATALOG, text);
  document.getElementById("hits").replaceChildren(...hits.slice(0, HITS_MAX).map(item));
  const count = hits.length === 1 ? "1 hit" : `${hits.length} hits`;
  document.getElementById("count").textContent = words(text).length === 0 ? "" : count;
}

if (typeof document !== "undefined") {
  const query = document.getElementById("query");
  query.addEventListener("input", () => show(query.value));
  show(query.value);
}
