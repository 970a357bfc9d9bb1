// What the other files stand on: the state, how an element is made, and how things are said. Whatever comes from an exchange is
// hostile until proven otherwise, and nothing is proven here: it only ever becomes text (textContent, never markup), and links go
// nowhere but to this page's own views.

export const $ = (id) => document.getElementById(id);
export const maxKept = 1000; // as many as the server keeps
export const pageSize = 200;

export const state = {
  token: "", exchanges: [], byID: new Map(), last: 0, gaps: new Map(), shown: pageSize, view: "exchanges", chosen: "",
  paused: false, waiting: 0, fresh: new Set(), status: null, live: false, sessionNote: "",
};

// plain shows characters that cannot be seen, or that turn the order of others around, by their number: a text must not
// look like another.
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
export const plain = (text) => String(text).replace(unseen, (c) => "⟨U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩");

// el makes an element. A child that is a string becomes text; null is left out.
export function el(name, props, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false).map((c) => (c instanceof Node ? c : plain(c))));
  return node;
}


const pad = (n, width) => String(n).padStart(width, "0");
export function clock(text) {
  const t = new Date(text);
  return pad(t.getHours(), 2) + ":" + pad(t.getMinutes(), 2) + ":" + pad(t.getSeconds(), 2);
}
export const fullTime = (text) => (text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" }) : "");
export function took(us) {
  if (us < 1000) return us + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(1) + " s";
}
export function size(n) {
  if (n < 1024) return n + " bytes";
  return n < 1 << 20 ? (n / 1024).toFixed(1) + " KiB" : (n / (1 << 20)).toFixed(1) + " MiB";
}
// shorten keeps the first digits of ids: enough to tell them apart by eye. The whole is in the exchange itself.
export const shorten = (text) => text.replace(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "$1…");

// label is the one word for what became of an exchange, and its colour.
function label(e) {
  if (e.outcome === "missed") return ["miss", "deny"];
  if (e.outcome === "denied") return ["deny", "deny"];
  if (e.outcome === "unreachable" || e.outcome === "refused") return ["error", "deny"];
  if (e.outcome === "gone") return ["gone", ""];
  if (e.verdict === "deny") return ["passed", "warn"];
  if (e.verdict === "warn") return ["warn", "warn"];
  if (e.verdict === "allow") return ["allow", "allow"];
  return [e.operation === "read" || !e.governed ? "read" : "open", ""];
}
export function tag(e) {
  const [word, colour] = label(e);
  const titles = { passed: "denied by policy, but let through", open: "not judged", gone: "the client went away" };
  return el("span", { class: "tag " + colour + (word === "passed" || word === "miss" ? " hollow" : ""), title: titles[word] }, word);
}
