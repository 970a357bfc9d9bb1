// The console of graphwarden. Whatever comes from an exchange is hostile until proven otherwise, and nothing is proven
// here: it only ever becomes text (textContent, never markup), and links go nowhere but to this page's own views.

const $ = (id) => document.getElementById(id);
const maxKept = 1000; // as many as the server keeps
const pageSize = 200;

const state = {
  token: "", exchanges: [], byID: new Map(), last: 0, gaps: new Map(), shown: pageSize, view: "exchanges", chosen: "",
  paused: false, waiting: 0, fresh: new Set(), status: null, live: false,
};

// plain shows characters that cannot be seen, or that turn the order of others around, by their number: a text must not
// look like another.
const unseen = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const plain = (text) => String(text).replace(unseen, (c) => "⟨U+" + c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0") + "⟩");

// el makes an element. A child that is a string becomes text; null is left out.
function el(name, props, ...children) {
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

// ---- The API

class Unauthorized extends Error {}

async function call(path, options) {
  const response = await fetch("/api/v1/" + path, { ...options, headers: { Authorization: "Bearer " + state.token, ...(options && options.headers) } });
  if (response.status === 401) throw new Unauthorized();
  if (!response.ok) {
    let message = response.status + " " + response.statusText;
    try { message = (await response.json()).error.message; } catch { /* not ours */ }
    throw new Error(message);
  }
  return response;
}

const get = async (path) => (await call(path)).json();

function signIn(fault) {
  sessionStorage.removeItem("token");
  state.token = "";
  for (const section of document.querySelectorAll("main > section")) section.hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-fault").textContent = fault || "";
  setLive("off", "no token");
  $("token").focus();
}

function takeToken() {
  const match = location.hash.match(/^#token=([\w-]+)/);
  if (match) {
    sessionStorage.setItem("token", match[1]);
    history.replaceState(null, "", "/#/exchanges");
  }
  state.token = sessionStorage.getItem("token") || "";
}

// ---- Words

const pad = (n, width) => String(n).padStart(width, "0");
function clock(text) {
  const t = new Date(text);
  return pad(t.getHours(), 2) + ":" + pad(t.getMinutes(), 2) + ":" + pad(t.getSeconds(), 2);
}
const fullTime = (text) => (text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" }) : "");
function took(us) {
  if (us < 1000) return us + " µs";
  if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms";
  return (us / 1e6).toFixed(1) + " s";
}
function size(n) {
  if (n < 1024) return n + " bytes";
  return n < 1 << 20 ? (n / 1024).toFixed(1) + " KiB" : (n / (1 << 20)).toFixed(1) + " MiB";
}
// shorten keeps the first digits of ids: enough to tell them apart by eye. The whole is in the exchange itself.
const shorten = (text) => text.replace(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "$1…");

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
function tag(e) {
  const [word, colour] = label(e);
  const titles = { passed: "denied by policy, but let through", open: "not judged", gone: "the client went away" };
  return el("span", { class: "tag " + colour + (word === "passed" || word === "miss" ? " hollow" : ""), title: titles[word] }, word);
}

// ---- The list of exchanges

function matches(e) {
  const show = $("show").value;
  if (show === "changes" && !e.governed) return false;
  if (show === "deny" && e.outcome !== "denied") return false;
  if (show === "passed" && !(e.verdict === "deny" && !e.enforced)) return false;
  if (show === "warn" && e.verdict !== "warn") return false;
  if (show === "missed" && e.outcome !== "missed") return false;
  if (show === "failed" && !["refused", "unreachable", "gone"].includes(e.outcome)) return false;
  const session = $("session").value;
  if (session !== "" && session !== "=" + e.session) return false;
  const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return true;
  e.haystack ??= [e.method, e.host, e.path, e.operation, e.resource, e.id, e.verdict, e.outcome, e.refusal, e.session, String(e.status),
    ...e.targets, ...e.violations.map((v) => v.id)].join("\n").toLowerCase();
  return words.every((w) => e.haystack.includes(w));
}

// pathParts are the beginning of a path, which may be cut where there is no room, and its last two segments, which tell most.
function pathParts(path) {
  const text = shorten(path);
  const cut = text.lastIndexOf("/", text.lastIndexOf("/") - 1);
  return cut > 0 ? [el("span", { class: "path-head" }, text.slice(0, cut)), el("span", { class: "path-tail" }, text.slice(cut))] : el("span", { class: "path-tail" }, text);
}

function row(e) {
  const rules = e.violations.filter((v) => v.level !== "audit").map((v) => v.id);
  const link = el("a", { class: "row" + (state.fresh.has(e.id) ? " fresh" : ""), href: "#/exchanges/" + encodeURIComponent(e.id), "data-id": e.id, "aria-current": e.id === state.chosen ? "true" : null },
    el("span", { class: "time" }, clock(e.time)),
    el("span", { class: "verdict" }, tag(e)),
    el("span", { class: "what" },
      el("span", { class: "path", title: e.method + " " + e.path }, el("b", {}, e.method), " ", pathParts(e.path)),
      el("span", { class: "to", title: e.targets.join("\n") }, !e.targets.length ? "" : "→ " + shorten(e.targets.slice(0, 3).join(", ")) + (e.targets.length > 3 ? " and " + (e.targets.length - 3) + " more" : ""))),
    el("span", { class: "rules", title: rules.join("\n") }, rules.length ? rules.join(", ") : (e.refusal && e.refusal !== "PolicyDenied" ? e.refusal : "")),
    el("span", { class: "status num" }, e.status),
    el("span", { class: "took num" }, took(e.duration_us)));
  return el("li", {}, link);
}

let drawing = false;
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawRows(); });
}

function drawRows() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.id : "";
  const nodes = [];
  let found = 0;
  for (const e of state.exchanges) {
    if (!matches(e)) continue;
    if (found++ < state.shown) {
      nodes.push(row(e));
      if (state.gaps.has(e.seq)) nodes.push(el("li", { class: "gap" }, state.gaps.get(e.seq) + " exchanges went by too fast to be shown"));
    }
  }
  $("rows").replaceChildren(...nodes);
  if (focused) document.querySelector('.row[data-id="' + CSS.escape(focused) + '"]')?.focus({ preventScroll: true });
  state.fresh.clear();
  $("more").hidden = found <= state.shown;
  $("no-rows").textContent = found ? "" : state.exchanges.length ? "Nothing matches. Esc clears the search." :
    "No exchange yet. Point a client at " + (state.status ? state.status.listen : "the proxy") + ", or run one with: graphwarden run -- COMMAND";
  $("pause").textContent = state.paused ? (state.waiting ? "Go on (" + state.waiting + " new)" : "Go on") : "Pause";
  drawSessions();
}

function drawSessions() {
  const select = $("session");
  const names = [...new Set(state.exchanges.map((e) => e.session))].sort();
  const wanted = ["", ...names.map((n) => "=" + n)].join("\n");
  $("session-label").hidden = names.length < 2;
  if (select.dataset.names === wanted) return;
  select.dataset.names = wanted;
  const chosen = select.value;
  select.replaceChildren(el("option", { value: "" }, "All sessions"), ...names.map((n) => el("option", { value: "=" + n }, n || "(unnamed)")));
  select.value = chosen;
}

let pending = [];
function take(e) {
  if (e.seq <= state.last) return;
  state.last = e.seq;
  pending.push(e);
  if (state.paused) { state.waiting = pending.length; if (pending.length > maxKept) pending.shift(); draw(); return; }
  flush();
}
function flush() {
  for (const e of pending) {
    state.exchanges.unshift(e);
    state.byID.set(e.id, e);
    state.fresh.add(e.id);
  }
  pending = [];
  state.waiting = 0;
  for (const e of state.exchanges.splice(maxKept)) { state.byID.delete(e.id); state.gaps.delete(e.seq); }
  draw();
  drawStatusSoon();
}

// ---- The live stream

function setLive(kind, text) {
  $("live").className = "live " + kind;
  if ($("live").textContent !== text) $("live").textContent = text;
}

async function follow() {
  let wait = 1000;
  for (;;) {
    try {
      const response = await call("events", { headers: { "Last-Event-ID": String(state.last) } });
      setLive("on", state.paused ? "paused" : "live");
      state.live = true;
      wait = 1000;
      await readEvents(response.body.getReader());
    } catch (fault) {
      if (fault instanceof Unauthorized) { signIn("graphwarden was started anew, or the token is not its own."); return; }
    }
    state.live = false;
    setLive("off", "not connected");
    await new Promise((done) => setTimeout(done, wait));
    wait = Math.min(wait * 2, 15000);
    // A server that was started anew counts from 1 again.
    try {
      const { exchanges } = await get("exchanges?limit=1");
      if (exchanges.length === 0 ? state.last > 0 : exchanges[0].seq < state.last) { clearAll(); await load(); }
    } catch (fault) {
      if (fault instanceof Unauthorized) { signIn("graphwarden was started anew: open the link it printed."); return; }
    }
  }
}

async function readEvents(reader) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) event(block);
  }
}

function event(block) {
  let name = "", data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
  }
  if (name === "exchange") take(JSON.parse(data));
  else if (name === "dropped") state.gaps.set(state.last, JSON.parse(data).count);
}

function clearAll() {
  state.exchanges = []; state.byID.clear(); state.gaps.clear(); state.last = 0; pending = [];
}

async function load() {
  const { exchanges } = await get("exchanges?limit=1000");
  clearAll();
  state.exchanges = exchanges;
  for (const e of exchanges) state.byID.set(e.id, e);
  state.last = exchanges.length ? exchanges[0].seq : 0;
  draw();
}

// ---- JSON as text

// indent lays JSON out without reading its numbers, which may be larger than JavaScript's.
function indent(text) {
  try { JSON.parse(text); } catch { return text; }
  let out = "", depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
      out += text.slice(i, end + 1);
      i = end;
    } else if (c === "{" || c === "[") {
      const rest = text.slice(i + 1).match(/^\s*[}\]]/);
      if (rest) { out += c + rest[0].trim(); i += rest[0].length; } else out += c + "\n" + "  ".repeat(++depth);
    } else if (c === "}" || c === "]") out += "\n" + "  ".repeat(--depth) + c;
    else if (c === ",") out += ",\n" + "  ".repeat(depth);
    else if (c === ":") out += ": ";
    else if (!/\s/.test(c)) out += c;
  }
  return out;
}

// pointers names, for each line of indented JSON, the JSON pointer of the value that begins on it.
function pointers(lines) {
  const stack = [];
  return lines.map((line) => {
    const text = line.trim();
    if (text.startsWith("}") || text.startsWith("]")) { stack.pop(); return null; }
    const key = text.match(/^("(?:[^"\\]|\\.)*"): /);
    const top = stack[stack.length - 1];
    let path = "";
    if (top) path = top.path + "/" + (top.list ? top.next++ : key ? JSON.parse(key[1]).replace(/~/g, "~0").replace(/\//g, "~1") : "");
    if (text.endsWith("{") || text.endsWith("[")) stack.push({ path, list: text.endsWith("["), next: 0 });
    return path;
  });
}

// inputText is the input document with the places marked that the rules point at.
function inputText(text, violations) {
  const lines = text.split("\n");
  const paths = pointers(lines);
  const marks = new Map();
  for (const v of violations) {
    // A pointer may name something that is not there; then its nearest parent is marked.
    for (let p = v.pointer; p; p = p.slice(0, p.lastIndexOf("/"))) {
      const at = paths.indexOf(p);
      if (at >= 0) { if (marks.get(at) !== "deny") marks.set(at, v.level); break; }
    }
  }
  const pre = el("pre", { class: "text", tabindex: "0", "aria-label": "Input document" });
  lines.forEach((line, i) => {
    if (marks.has(i)) pre.append(el("span", { class: "hit " + marks.get(i), "data-pointer": paths[i] }, line + "\n"));
    else pre.append(plain(line) + "\n");
  });
  return pre;
}

// ---- One exchange

const facts = (pairs) => el("dl", { class: "facts-list" }, pairs.filter(([, v]) => v !== "" && v !== null && v !== undefined)
  .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
const mono = (text) => (text ? el("code", {}, text) : "");
const block = (title, note, ...children) => el("section", { class: "block" }, el("h2", {}, title, note ? el("span", { class: "muted" }, note) : null), ...children);

function copyButton(text) {
  return el("button", { type: "button", class: "plain", onclick: async (event) => {
    try { await navigator.clipboard.writeText(text); event.target.textContent = "Copied"; } catch { event.target.textContent = "Not allowed"; }
  } }, "Copy");
}

function message(title, m, first) {
  if (!m.headers.length && !m.body && !first && !m.bytes) return null;
  const text = indent(m.body);
  const note = (m.bytes ? size(m.bytes) : "no body") + (m.cut ? (m.body ? ", the beginning is shown" : ", too large or not readable") : "");
  return block(title, note,
    first ? el("pre", { class: "text" }, first) : null,
    m.headers.length ? el("details", {}, el("summary", {}, m.headers.length + (m.headers.length === 1 ? " header field" : " header fields") + " (secrets left out)"),
      el("pre", { class: "text" }, m.headers.map((h) => h.name + ": " + h.value).join("\n"))) : null,
    m.body ? el("pre", { class: "text", tabindex: "0", "aria-label": title + " body" }, text) : null);
}

function why(v, jump) {
  return el("div", { class: "why " + v.level },
    el("div", { class: "id" }, el("span", { class: "tag " + (v.level === "audit" ? "" : v.level) }, v.level), el("code", {}, v.id)),
    el("p", {}, v.message),
    v.fix ? el("p", {}, el("b", {}, "Fix: "), v.fix) : null,
    el("p", { class: "where" }, v.location ? ["rule at ", mono(v.location)] : null,
      v.pointer ? [v.location ? " · " : "", "looks at ", el("button", { type: "button", class: "plain", onclick: () => jump(v.pointer) }, v.pointer)] : null));
}

function missBlock(miss) {
  const note = "searched " + miss.interactions + " recordings";
  if (miss.used > 0) return block("No recording left", note, el("p", {}, "This very request was recorded " + (miss.used === 1 ? "once" : miss.used + " times") + ", and that was used up. Record it again, or set --repeat last or cycle."));
  if (!miss.nearest.length) return block("No recording", note, el("p", {}, "Nothing on the cassette comes near."));
  return block("No recording; the nearest", note, ...miss.nearest.map((n) => el("div", { class: "why" },
    el("p", {}, el("code", {}, n.method + " " + n.url), el("span", { class: "muted" }, n.line ? "  line " + n.line : "")),
    n.diffs.length ? el("div", { class: "scroll" }, el("table", { class: "diff" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Part"), el("th", { scope: "col" }, "Recorded"), el("th", { scope: "col" }, "Sent"))),
      el("tbody", {}, n.diffs.map((d) => el("tr", {}, el("td", {}, d.part + (d.pointer ? " " + d.pointer : "")),
        el("td", { class: d.recorded ? "was" : "muted" }, d.recorded || "nothing"), el("td", { class: d.sent ? "is" : "muted" }, d.sent || "nothing")))))) : null)));
}

function formBlock(f) {
  const ids = Object.entries(f.ids).map(([k, v]) => k + " = " + v).join(", ");
  return block("Normal form", f.kind.replaceAll("_", " "), facts([
    ["operation", f.operation + (f.effect !== "none" && f.effect ? ", effect " + f.effect : "")], ["resource", f.resource], ["family", f.family],
    ["route", mono(f.route)], ["ids", ids ? mono(ids) : ""], ["targets", f.targets.join(", ")], ["path", mono(f.path)], ["cloud", f.cloud]]));
}

function tokenBlock(t) {
  if (!t.present) return block("Token", "none was sent");
  return block("Token claims", t.format === "jwt" ? "read, not verified" : "an opaque token says nothing", facts([
    ["type", t.type], ["tenant", mono(t.tenant)], ["app", mono(t.app)], ["object", mono(t.object)], ["audience", t.audience],
    ["scopes", t.scopes.join(" ")], ["roles", t.roles.join(" ")], ["issued", fullTime(t.issued)], ["expires", fullTime(t.expires)],
    ["odd", t.anomalies.join(", ")]]));
}

// inputBlock loads the input document when somebody wants it.
function inputBlock(e, part, title) {
  const holder = el("details", {}, el("summary", {}, title));
  const query = part === null ? "" : "?part=" + part;
  const prefix = part === null ? "" : "/requests/" + part;
  const violations = e.violations.filter((v) => (part === null ? !v.pointer.startsWith("/requests/") : v.pointer.startsWith(prefix + "/")))
    .map((v) => ({ ...v, pointer: v.pointer.slice(prefix.length) }));
  const open = async () => {
    holder.open = true;
    if (holder.dataset.loaded) return;
    holder.dataset.loaded = "yes";
    try {
      const text = await (await call("exchanges/" + encodeURIComponent(e.id) + "/input" + query)).text();
      holder.append(inputText(text, violations), copyButton(text));
    } catch (fault) {
      holder.append(el("p", { class: "fault" }, fault.message));
      delete holder.dataset.loaded;
    }
  };
  holder.addEventListener("toggle", () => { if (holder.open) open(); });
  holder.jump = async (pointer) => {
    await open();
    const hits = [...holder.querySelectorAll(".hit")];
    const hit = hits.find((h) => h.dataset.pointer === pointer) || hits.find((h) => pointer.startsWith(h.dataset.pointer));
    (hit || holder).scrollIntoView({ block: "center" });
    holder.querySelector("pre")?.focus({ preventScroll: true });
  };
  return holder;
}

function timing(e) {
  const bar = el("span", { class: "timing", "aria-hidden": "true" });
  for (const [name, us] of [["judged", e.judged_us], ["answered", e.answered_us]]) {
    const part = el("i", { class: name });
    part.style.width = Math.min(100, (100 * us) / Math.max(1, e.duration_us)) + "%";
    bar.append(part);
  }
  const words = took(e.duration_us) + (e.judged_us ? ", judge " + took(e.judged_us) : "") + (e.answered_us ? ", " + (e.source === "cassette" || e.outcome === "missed" ? "cassette " : "origin ") + took(e.answered_us) : "");
  return [words, bar];
}

function drawDetail(e) {
  const box = $("detail");
  const d = e.detail;
  const parts = d ? d.parts.map((p, i) => inputBlock(e, i, "Input document of part " + p.batch)) : [];
  const input = d && d.form ? inputBlock(e, null, "Input document, as the policies saw it") : null;
  const jump = (pointer) => {
    const match = pointer.match(/^\/requests\/(\d+)(.*)$/);
    const target = match ? parts[Number(match[1])] : input;
    if (target) target.jump(match ? match[2] : pointer);
  };
  box.replaceChildren(
    el("div", { class: "top" }, tag(e), el("h1", {}, e.method + " " + e.path), el("button", { type: "button", onclick: close, "aria-keyshortcuts": "Escape" }, "Close")),
    e.refusal && !e.violations.length && !(d && d.miss) ? el("div", { class: "why deny" }, el("div", { class: "id" }, el("code", {}, e.refusal)), el("p", {}, e.message)) : "",
    e.violations.length ? block(e.verdict === "allow" ? "Noted" : "Why", e.verdict + (e.verdict === "deny" ? (e.enforced ? ", refused" : ", let through") : ""), ...e.violations.map((v) => why(v, jump))) : "",
    d && d.miss ? missBlock(d.miss) : "",
    block("Exchange", "", facts([
      ["time", fullTime(e.time)], ["answer", e.status + " from " + e.source + (e.refusal ? ", " + e.refusal : "")], ["took", el("span", {}, timing(e))],
      ["targets", e.targets.join(", ")], ["host", e.host], ["session", e.session], ["id", mono(e.id)]])),
    d ? "" : el("p", { class: "muted" }, "The details are not at hand: the answer is still on its way, or they made room for newer ones."),
    d ? message("Request", d.request, e.method + " " + d.target) || "" : "",
    d && d.form ? formBlock(d.form) : "",
    d && d.parts.length ? block("Parts of the batch", "", ...d.parts.map((p, i) => el("div", { class: "why" },
      el("p", {}, el("b", {}, p.batch + ": "), el("code", {}, p.method + " " + p.path)),
      el("p", { class: "muted" }, p.operation + " " + p.resource + (p.targets.length ? " → " + p.targets.join(", ") : "")), parts[i]))) : "",
    d && d.form ? tokenBlock(d.form.token) : "",
    input ? el("section", { class: "block" }, input) : "",
    d ? message("Response", d.response, "") || "" : "");
}

async function open(id) {
  state.chosen = id;
  for (const link of document.querySelectorAll(".row[aria-current]")) link.removeAttribute("aria-current");
  document.querySelector('.row[data-id="' + CSS.escape(id) + '"]')?.setAttribute("aria-current", "true");
  $("view-exchanges").classList.add("open");
  const box = $("detail");
  box.hidden = false;
  const known = state.byID.get(id);
  if (known) drawDetail({ ...known, detail: null }); else box.replaceChildren(el("p", { class: "muted" }, "Loading"));
  box.scrollTop = 0;
  box.focus({ preventScroll: true });
  // The details follow the answer, which may still be on its way.
  for (let tries = 0; tries < 6 && state.chosen === id; tries++) {
    let e;
    try { e = await get("exchanges/" + encodeURIComponent(id)); } catch (fault) {
      if (fault instanceof Unauthorized) { signIn(); return; }
      if (state.chosen === id) box.replaceChildren(el("div", { class: "top" }, el("h1", {}, fault.message), el("button", { type: "button", onclick: close }, "Close")));
      return;
    }
    if (state.chosen !== id) return;
    if (e.detail || tries === 5) { drawDetail(e); return; }
    await new Promise((done) => setTimeout(done, 250 * (tries + 1)));
  }
}

function close() {
  const id = state.chosen;
  location.hash = "#/exchanges";
  document.querySelector('.row[data-id="' + CSS.escape(id) + '"]')?.focus();
}

// ---- The other views

const cell = (name, value, props) => el("td", { "data-label": name, ...props }, value);

async function drawCassette() {
  const [c, { sessions }] = await Promise.all([get("cassette"), get("sessions")]);
  const tile = (n, word, colour) => el("div", { class: "tile " + (n && colour ? colour : "") }, el("b", {}, n), el("span", {}, word));
  $("view-cassette").replaceChildren(
    el("section", { class: "card" }, el("div", { class: "head" }, el("h1", {}, c.path ? "Cassette" : "No cassette"), el("span", { class: "muted" }, "mode " + c.mode)),
      c.path ? el("p", { class: "mono below" }, c.path) : el("p", { class: "muted" }, "Nothing is recorded or replayed. Start with --mode record --cassette FILE to keep the exchanges."),
      c.path ? el("div", { class: "tiles" }, tile(c.interactions, "held when opened"), tile(c.recorded, "recorded"), tile(c.replayed, "hits"), tile(c.missed, "misses", "deny"), tile(c.unused, "unused", "warn"), tile(c.dropped, "not recorded", "deny")) : null),
    c.unused_list.length ? el("section", { class: "card" }, el("div", { class: "head" }, el("h2", {}, "Unused recordings"), el("span", { class: "muted" }, c.unused > c.unused_list.length ? "the first " + c.unused_list.length + " of " + c.unused : String(c.unused))),
      el("table", { class: "stack" }, el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "num" }, "Line"), el("th", { scope: "col" }, "Method"), el("th", { scope: "col" }, "URL"), el("th", { scope: "col" }, "Id"))),
        el("tbody", {}, c.unused_list.map((u) => el("tr", {}, cell("Line", u.line || "", { class: "num" }), cell("Method", u.method), cell("URL", mono(u.url)), cell("Id", mono(u.id))))))) : "",
    el("section", { class: "card" }, el("div", { class: "head" }, el("h2", {}, "Sessions"), el("span", { class: "muted" }, "named by the user part of the proxy's URL")),
      sessions.length ? el("table", { class: "stack" },
        el("thead", {}, el("tr", {}, ["Session", "Verdict"].map((n) => el("th", { scope: "col" }, n)), ["Exchanges", "Allowed", "Warned", "Denied", "Hits", "Misses", "Faults"].map((n) => el("th", { scope: "col", class: "num" }, n)), el("th", { scope: "col" }, "Last"))),
        el("tbody", {}, sessions.map((s) => el("tr", {}, cell("Session", s.name || "(unnamed)"),
          cell("Verdict", el("span", { class: "tag " + (s.verdict === "ok" ? "allow" : "deny"), title: "exit code " + s.exit_code }, s.verdict)),
          [["Exchanges", s.exchanges], ["Allowed", s.allowed], ["Warned", s.warned], ["Denied", s.denied], ["Hits", s.replayed], ["Misses", s.missed], ["Faults", s.failed]].map(([n, v]) => cell(n, v, { class: "num" })),
          cell("Last", clock(s.last)))))) : el("p", { class: "muted" }, "No client has called yet.")));
}

async function drawPolicies() {
  const p = await get("policy");
  const fault = el("p", { class: "fault", role: "alert" });
  const reload = state.status && state.status.write ? el("button", { type: "button", onclick: async (event) => {
    event.target.disabled = true;
    fault.textContent = "";
    try { await call("policy/reload", { method: "POST" }); await drawPolicies(); } catch (problem) { fault.textContent = problem.message; event.target.disabled = false; }
  } }, "Reload") : el("span", { class: "muted" }, "read-only: start with --admin-write to reload from here");
  const order = ["deny", "warn", "audit", "off"];
  p.rules.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level) || (a.id < b.id ? -1 : 1));
  const rule = (r) => el("tr", {},
    cell("Level", [el("span", { class: "tag " + (r.level === "deny" || r.level === "warn" ? r.level : "") }, r.level), r.level !== r.default ? el("p", { class: "muted" }, "default " + r.default) : null]),
    cell("Rule", el("div", {}, el("code", {}, r.id), r.title ? el("p", {}, r.title) : null, r.description && r.description !== r.title ? el("details", {}, el("summary", {}, "About"), el("p", {}, r.description)) : null)),
    cell("Parameters", el("div", {}, r.parameters.map((x) => el("p", { title: x.description }, el("code", {}, x.name + " = " + clip(JSON.stringify(x.value))))))),
    cell("Where", el("div", {}, el("p", { class: "at" }, mono(r.location)), r.set_by ? el("p", { class: "muted" }, "set by " + r.set_by) : null)),
    cell("Spoke", r.hits, { class: "num" }));
  $("view-policies").replaceChildren(el("section", { class: "card" },
    el("div", { class: "head" }, el("h1", {}, p.rules.length ? p.rules.length + " rules" : "No rules"), el("span", { class: "muted first" }, p.revision ? "revision " + p.revision.slice(0, 16) : "nothing is judged (--enforce off)"), reload), fault,
    p.rules.length ? el("table", { class: "stack" }, el("thead", {}, el("tr", {}, ["Level", "Rule", "Parameters", "Where"].map((n) => el("th", { scope: "col" }, n)), el("th", { scope: "col", class: "num" }, "Spoke"))), el("tbody", {}, p.rules.map(rule))) : null));
}

const clip = (text) => (text.length > 80 ? text.slice(0, 79) + "…" : text);

function drawHealth() {
  const s = state.status;
  if (!s) return;
  const c = s.counts;
  const tile = (n, word, colour) => el("div", { class: "tile " + (n && colour ? colour : "") }, el("b", {}, n), el("span", {}, word));
  $("view-health").replaceChildren(
    el("section", { class: "card" }, el("div", { class: "head" }, el("h1", {}, s.ready ? "Not ready" : "Healthy"), el("span", { class: "tag " + (s.ready ? "deny" : "allow") }, s.ready ? "not ready" : "ready")),
      s.ready ? el("p", { class: "fault" }, s.ready) : null,
      facts([["version", s.version], ["running since", fullTime(s.started)], ["proxy", mono(s.listen)], ["mode", s.mode], ["enforce", s.enforce],
        ["origin", s.origin || "none: a replay never dials"], ["policies", s.revision ? mono(s.revision.slice(0, 16)) : "not judged"], ["cassette", mono(s.cassette)], ["ledger", mono(s.ledger)],
        ["this console", s.write ? "may reload the policies" : "reads only"]])),
    el("section", { class: "tiles" }, tile(c.allowed, "allowed"), tile(c.warned, "warned", "warn"), tile(c.denied, "denied", "deny"), tile(c.passed, "denied, let through", "warn"),
      tile(c.recorded, "recorded"), tile(c.replayed, "replayed"), tile(c.missed, "missed", "deny"), tile(c.unused, "unused"), tile(c.failed, "not recorded", "deny")));
}

async function drawStatus() {
  try { state.status = await get("status"); } catch (fault) {
    if (fault instanceof Unauthorized && state.token) signIn("graphwarden was started anew: open the link it printed.");
    return;
  }
  const s = state.status, c = s.counts;
  $("facts").replaceChildren(el("span", {}, "mode ", el("b", {}, s.mode)), el("span", {}, "enforce ", el("b", {}, s.enforce)), el("span", {}, s.listen.replace("http://", "")));
  const replay = s.mode === "replay" ? [c.replayed + " replayed", c.missed + " missed", c.unused + " unused"] : s.mode === "record" ? [c.recorded + " recorded"] : [];
  $("counts").textContent = [c.allowed + " allowed", c.warned + " warned", c.denied + " denied", ...replay].join(" · ");
  if (state.view === "health") drawHealth();
}
let statusTimer = 0;
function drawStatusSoon() {
  if (statusTimer) return;
  statusTimer = setTimeout(() => { statusTimer = 0; drawStatus(); if (state.view === "cassette") drawCassette().catch(() => {}); }, 1000);
}

// ---- Where we are

const titles = { exchanges: "Exchanges", cassette: "Cassette", policies: "Policies", health: "Health" };

async function route() {
  if (location.hash.startsWith("#token=")) { takeToken(); begin(); return; }
  if (!state.token || location.hash === "#main") return;
  const [, view = "exchanges", id = ""] = location.hash.slice(1).split("/");
  state.view = titles[view] ? view : "exchanges";
  document.title = titles[state.view] + " · graphwarden";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  for (const name of Object.keys(titles)) $("view-" + name).hidden = name !== state.view;
  if (state.view === "exchanges" && id) { await open(decodeURIComponent(id)); return; }
  state.chosen = "";
  $("view-exchanges").classList.remove("open");
  $("detail").hidden = true;
  for (const link of document.querySelectorAll(".row[aria-current]")) link.removeAttribute("aria-current");
  try {
    if (state.view === "cassette") await drawCassette();
    if (state.view === "policies") { if (!state.status) await drawStatus(); await drawPolicies(); }
    if (state.view === "health") { await drawStatus(); drawHealth(); }
  } catch (fault) {
    if (fault instanceof Unauthorized) signIn();
    else $("view-" + state.view).replaceChildren(el("p", { class: "empty" }, fault.message));
  }
}

let begun = false;
async function begin() {
  if (!state.token) { signIn(); return; }
  try { await load(); } catch (fault) {
    if (fault instanceof Unauthorized) signIn("That token is not the one graphwarden printed.");
    else { setLive("off", "not connected"); setTimeout(begin, 2000); }
    return;
  }
  $("sign-in").hidden = true;
  await drawStatus();
  draw();
  await route();
  if (!begun) { begun = true; setInterval(drawStatus, 5000); }
  if (!state.live) follow();
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  state.token = $("token").value.trim();
  $("token").value = "";
  sessionStorage.setItem("token", state.token);
  begin();
});
$("tools").addEventListener("submit", (event) => event.preventDefault());
for (const id of ["search", "show", "session"]) $(id).addEventListener("input", () => { state.shown = pageSize; draw(); });
$("more").addEventListener("click", () => { state.shown += pageSize; draw(); });
function pause() {
  state.paused = !state.paused;
  $("pause").setAttribute("aria-pressed", String(state.paused));
  if (state.live) setLive("on", state.paused ? "paused" : "live");
  if (state.paused) draw(); else flush();
}
$("pause").addEventListener("click", pause);
$("help-button").addEventListener("click", () => $("help").showModal());

function move(step) {
  const links = [...document.querySelectorAll(".row")];
  if (!links.length || state.view !== "exchanges") return;
  const from = links.findIndex((l) => l === document.activeElement || (!document.activeElement?.classList.contains("row") && l.dataset.id === state.chosen));
  const to = links[Math.max(0, Math.min(links.length - 1, from < 0 ? 0 : from + step))];
  to.focus();
  if (state.chosen) to.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open || !state.token) return;
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "Escape") {
    if (event.target === $("search")) { if ($("search").value) { $("search").value = ""; draw(); } else $("search").blur(); } else if (state.chosen) close(); else if ($("search").value || $("show").value) { $("search").value = ""; $("show").value = ""; draw(); }
    return;
  }
  if (typing) return;
  const views = Object.keys(titles);
  if (event.key === "/") { location.hash = "#/exchanges" + (state.chosen ? "/" + encodeURIComponent(state.chosen) : ""); $("search").focus(); $("search").select(); } else if (event.key === "j" || (event.key === "ArrowDown" && event.target.classList?.contains("row"))) move(1);
  else if (event.key === "k" || (event.key === "ArrowUp" && event.target.classList?.contains("row"))) move(-1);
  else if (event.key === "p") pause();
  else if (event.key === "?") $("help").showModal();
  else if (views[Number(event.key) - 1]) location.hash = "#/" + views[Number(event.key) - 1];
  else return;
  event.preventDefault();
});

window.addEventListener("hashchange", route);
takeToken();
begin();
