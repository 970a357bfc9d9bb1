// The list of exchanges and the stream that feeds it.

import { Unauthorized, call, get, signIn } from "./api.js";
import { $, clock, el, maxKept, shorten, state, tag, took } from "./dom.js";
import { drawStatusSoon } from "./views.js";

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
export function draw() {
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
export function flush() {
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


export function setLive(kind, text) {
  $("live").className = "live " + kind;
  if ($("live").textContent !== text) $("live").textContent = text;
}

export async function follow() {
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

export async function load() {
  const { exchanges } = await get("exchanges?limit=1000");
  clearAll();
  state.exchanges = exchanges;
  for (const e of exchanges) state.byID.set(e.id, e);
  state.last = exchanges.length ? exchanges[0].seq : 0;
  draw();
}
