// Cassette and sessions, policies, health.

import { Unauthorized, call, get, signIn } from "./api.js";
import { $, clock, el, fullTime, state } from "./dom.js";
import { facts, mono } from "./exchange.js";

const cell = (name, value, props) => el("td", { "data-label": name, ...props }, value);

export async function drawCassette() {
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
    cell("Spoke", r.hits, { class: "num" }));
  $("view-policies").replaceChildren(el("section", { class: "card" },
    el("div", { class: "head" }, el("h1", {}, p.rules.length ? p.rules.length + " rules" : "No rules"), el("span", { class: "muted first" }, p.revision ? "revision " + p.revision.slice(0, 16) : "nothing is judged (--enforce off)"), reload), fault,
    p.rules.length ? el("table", { class: "stack" }, el("thead", {}, el("tr", {}, ["Level", "Rule", "Parameters", "Where"].map((n) => el("th", { scope: "col" }, n)), el("th", { scope: "col", class: "num" }, "Spoke"))), el("tbody", {}, p.rules.map(rule))) : null));
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
        ["this console", s.write ? "may reload the policies" : "reads only"]])),
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
