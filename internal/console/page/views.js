// Policies with their tests, health, and the line of status.

import { Unauthorized, call, get, signIn } from "./api.js";
import { $, el, fullTime, state } from "./dom.js";
import { facts, mono } from "./exchange.js";
import { drawCassette } from "./sessions.js";

const cell = (name, value, props) => el("td", { "data-label": name, ...props }, value);

export async function drawPolicies() {
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
    cell("Tests", el("div", { "data-package": r.package, "data-file": r.location.replace(/:\d+$/, "") })),
    cell("Spoke", r.hits, { class: "num" }));
  $("view-policies").replaceChildren(el("section", { class: "card" },
    el("div", { class: "head" }, el("h1", {}, p.rules.length ? p.rules.length + " rules" : "No rules"), el("span", { class: "muted first" }, p.revision ? "revision " + p.revision.slice(0, 16) : "nothing is judged (--enforce off)"), reload), fault,
    p.rules.length ? el("table", { class: "stack" }, el("thead", {}, el("tr", {}, ["Level", "Rule", "Parameters", "Where", "Tests"].map((n) => el("th", { scope: "col" }, n)), el("th", { scope: "col", class: "num" }, "Spoke"))), el("tbody", {}, p.rules.map(rule))) : null),
    el("section", { class: "card", id: "tests" }, el("div", { class: "head" }, el("h2", {}, "Tests"), el("span", { class: "muted", role: "status" }, p.rules.length ? "running" : "nothing to test"))));
  if (p.rules.length) drawTests();
}

// drawTests asks for the outcome of the tests, which may take a moment after a reload, and shows it by rule and by file.
async function drawTests() {
  const card = $("tests");
  let t;
  try { t = await get("policy/tests"); } catch (fault) {
    if (fault instanceof Unauthorized) signIn(); else card.replaceChildren(el("h2", {}, "Tests"), el("p", { class: "fault" }, fault.message));
    return;
  }
  const share = (n) => (n < 100 && n > 99.9 ? "99.9" : String(Math.round(n * 10) / 10)) + " %";
  const covered = new Map(t.files.map((f) => [f.file, f]));
  for (const node of document.querySelectorAll("[data-package]")) {
    const own = t.results.filter((r) => node.dataset.package && (r.package === node.dataset.package || r.package === node.dataset.package + "_test"));
    const failed = own.filter((r) => r.outcome === "failed").length;
    const file = covered.get(node.dataset.file);
    node.replaceChildren(
      own.length ? el("p", failed ? { class: "fault" } : {}, failed ? failed + " of " + own.length + " failed" : own.length + " passed") : el("p", { class: "muted" }, "none"),
      file ? el("p", { class: "muted", title: "of the lines of " + file.file }, share(file.coverage) + " covered") : "");
  }
  const failed = t.results.filter((r) => r.outcome === "failed");
  const inFile = (f) => { const at = f.file.replace(/\.rego$/, "_test.rego") + ":"; return t.results.filter((r) => r.location.startsWith(at)); };
  card.replaceChildren(
    el("div", { class: "head" }, el("h2", {}, "Tests"), el("span", { class: "first tag " + (t.failed ? "deny" : "allow") }, t.failed ? t.failed + " failed" : t.passed + " passed"),
      el("span", { class: "muted" }, t.results.length + " tests, " + share(t.coverage) + " of the lines covered, since the last reload")),
    ...failed.map((r) => el("div", { class: "why deny below" }, el("div", { class: "id" }, el("code", {}, r.package + "." + r.name)), r.error ? el("p", {}, r.error) : "", el("p", { class: "where" }, r.location))),
    el("table", { class: "stack" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "File"), ["Tests", "Failed", "Covered"].map((n) => el("th", { scope: "col", class: "num" }, n)), el("th", { scope: "col" }, "Lines not covered"))),
      el("tbody", {}, t.files.map((f) => el("tr", {}, cell("File", mono(f.file)), cell("Tests", inFile(f).length, { class: "num" }), cell("Failed", inFile(f).filter((r) => r.outcome === "failed").length, { class: "num" }),
        cell("Covered", share(f.coverage), { class: "num" }), cell("Not covered", el("div", {}, ranges(f.uncovered))))))));
}

// ranges writes 33, 34, 35, 51 as 33–35, 51.
function ranges(lines) {
  const found = [];
  for (const n of lines) { const last = found.at(-1); if (last && last[1] === n - 1) last[1] = n; else found.push([n, n]); }
  return found.map(([a, b]) => (a === b ? String(a) : a + "–" + b)).join(", ");
}

const clip = (text) => (text.length > 80 ? text.slice(0, 79) + "…" : text);

export function drawHealth() {
  const s = state.status;
  if (!s) return;
  const c = s.counts;
  const tile = (n, word, colour) => el("div", { class: "tile " + (n && colour ? colour : "") }, el("b", {}, n), el("span", {}, word));
  $("view-health").replaceChildren(
    el("section", { class: "card" }, el("div", { class: "head" }, el("h1", {}, s.ready ? "Not ready" : "Healthy"), el("span", { class: "tag " + (s.ready ? "deny" : "allow") }, s.ready ? "not ready" : "ready")),
      s.ready ? el("p", { class: "fault" }, s.ready) : null,
      facts([["version", s.version], ["running since", fullTime(s.started)], ["proxy", mono(s.listen)], ["mode", s.mode], ["enforce", s.enforce],
        ["origin", s.origin || "none: a replay never dials"], ["policies", s.revision ? mono(s.revision.slice(0, 16)) : "not judged"], ["cassette", mono(s.cassette)], ["ledger", mono(s.ledger)],
        ["this console", s.write ? "may reload the policies, and start, switch and stop sessions" : "reads only"]])),
    el("section", { class: "tiles" }, tile(c.allowed, "allowed"), tile(c.warned, "warned", "warn"), tile(c.denied, "denied", "deny"), tile(c.passed, "denied, let through", "warn"),
      tile(c.recorded, "recorded"), tile(c.replayed, "replayed"), tile(c.missed, "missed", "deny"), tile(c.unused, "unused"), tile(c.failed, "not recorded", "deny")));
}

export async function drawStatus() {
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
export function drawStatusSoon() {
  if (statusTimer) return;
  statusTimer = setTimeout(() => { statusTimer = 0; drawStatus(); if (state.view === "cassette") drawCassette().catch(() => {}); }, 1000);
}
