// Cassettes, sessions and clients; where the console may write, also the switches of a session.

import { call, get } from "./api.js";
import { $, clock, el, fullTime, state } from "./dom.js";
import { mono } from "./exchange.js";

const cell = (name, value, props) => el("td", { "data-label": name, ...props }, value);
const modes = ["live", "record", "replay", "auto", "new", "diff"];
const tile = (n, word, colour) => el("div", { class: "tile " + (n && colour ? colour : "") }, el("b", {}, n), el("span", {}, word));
const heads = (words, numbers) => [...words.map((n) => el("th", { scope: "col" }, n)), ...numbers.map((n) => el("th", { scope: "col", class: "num" }, n))];

export async function drawCassette() {
  const [c, { sessions, clients }] = await Promise.all([get("cassette"), get("sessions")]);
  // What somebody is about to press must not be taken away, nor what was opened be closed.
  if (document.activeElement && document.activeElement.closest("#view-cassette .acts")) return;
  const opened = new Set([...document.querySelectorAll("#view-cassette details[open]")].map((d) => d.dataset.session));
  $("view-cassette").replaceChildren(
    el("section", { class: "card" }, el("div", { class: "head" }, el("h1", {}, c.path ? "Cassette" : "No cassette"), el("span", { class: "muted" }, "mode " + c.mode)),
      c.path ? el("p", { class: "mono below" }, c.path) : el("p", { class: "muted" }, "Nothing is recorded or replayed. Start with --mode record --cassette FILE to keep the exchanges."),
      c.path ? el("div", { class: "tiles" }, tile(c.interactions, "held when opened"), tile(c.recorded, "recorded"), tile(c.replayed, "hits"), tile(c.missed, "misses", "deny"), tile(c.unused, "unused", "warn"), tile(c.dropped, "not recorded", "deny")) : null),
    sessionCard(sessions, opened),
    c.unused_list.length ? el("section", { class: "card" }, el("div", { class: "head" }, el("h2", {}, "Unused recordings"), el("span", { class: "muted" }, c.unused > c.unused_list.length ? "the first " + c.unused_list.length + " of " + c.unused : String(c.unused))),
      el("table", { class: "stack" }, el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "num" }, "Line"), el("th", { scope: "col" }, "Method"), el("th", { scope: "col" }, "URL"), el("th", { scope: "col" }, "Id"))),
        el("tbody", {}, c.unused_list.map((u) => el("tr", {}, cell("Line", u.line || "", { class: "num" }), cell("Method", u.method), cell("URL", mono(u.url)), cell("Id", mono(u.id))))))) : "",
    el("section", { class: "card" }, el("div", { class: "head" }, el("h2", {}, "Clients"), el("span", { class: "muted" }, "named by the user part of the proxy's URL")),
      clients.length ? el("table", { class: "stack" },
        el("thead", {}, el("tr", {}, heads(["Client", "Verdict"], ["Exchanges", "Allowed", "Warned", "Denied", "Hits", "Misses", "Faults"]), el("th", { scope: "col" }, "Last"))),
        el("tbody", {}, clients.map((s) => el("tr", {}, cell("Client", s.name || "(unnamed)"),
          cell("Verdict", el("span", { class: "tag " + (s.verdict === "ok" ? "allow" : "deny"), title: "exit code " + s.exit_code }, s.verdict)),
          [["Exchanges", s.exchanges], ["Allowed", s.allowed], ["Warned", s.warned], ["Denied", s.denied], ["Hits", s.replayed], ["Misses", s.missed], ["Faults", s.failed]].map(([n, v]) => cell(n, v, { class: "num" })),
          cell("Last", clock(s.last)))))) : el("p", { class: "muted" }, "No client has called yet.")));
}

function sessionCard(sessions, opened) {
  const write = state.status && state.status.write;
  const note = el("p", { class: "below muted", role: "status" }, state.sessionNote || null);
  note.hidden = !state.sessionNote;
  const fault = el("p", { class: "fault", role: "alert" });
  const colour = (v) => (v === "ok" ? "allow" : v === "unused" ? "warn" : "deny");
  const row = (s) => el("tr", {},
    cell("Session", el("div", {}, el("p", {}, s.name || "All clients"), el("p", { class: "muted" }, mono(s.cassette || "no cassette")), more(s, opened.has(s.name)))),
    cell("Mode", s.ended ? s.mode + ", stopped" : s.mode),
    cell("Verdict", el("span", { class: "tag " + colour(s.verdict) }, s.verdict)),
    [["Hits", s.replayed], ["Misses", s.missed], ["Unused", s.unused], ["Recorded", s.recorded], ["Denied", s.denied]].map(([n, v]) => cell(n, v, { class: "num" })),
    write ? cell("", s.ended ? el("div") : acts(s, fault)) : null);
  return el("section", { class: "card" },
    el("div", { class: "head" }, el("h2", {}, "Sessions"), write ? null : el("span", { class: "muted" }, "read-only: start with --admin-write to switch and stop from here")), note, fault,
    sessions.length ? el("table", { class: "stack" },
      el("thead", {}, el("tr", {}, heads(["Session", "Mode", "Verdict"], ["Hits", "Misses", "Unused", "Recorded", "Denied"]), write ? el("th", { scope: "col" }, el("span", { class: "unseen" }, "Actions")) : null)),
      el("tbody", {}, sessions.map(row))) : el("p", { class: "muted" }, "No session has begun. Each starts with its first request, or with POST /api/v1/sessions."));
}

// more is what the counts of a session stand for.
function more(s, open) {
  const texts = [
    ...(s.fault ? ["cannot be opened: " + s.fault] : []), ...s.misses.map((m) => "miss: " + m), ...s.unused_list.map((u) => "unused: " + u), ...s.drift_list.map((d) => "drift: " + d),
    ...Object.keys(s.variables).sort().map((k) => "variable " + k + " = " + s.variables[k]), ...(s.recorded_at ? ["recorded " + fullTime(s.recorded_at)] : []),
  ];
  return texts.length ? el("details", { "data-session": s.name, open }, el("summary", {}, s.fault ? "Fault" : "Details"), el("ul", { class: "lines" }, texts.map((x) => el("li", {}, x)))) : null;
}

// acts are the switch of the mode and, for a session that has a name, its end, which asks twice.
function acts(s, fault) {
  const path = "sessions/" + encodeURIComponent(s.name || "-");
  const name = s.name || "all clients";
  const select = el("select", { "aria-label": "Mode of " + name }, modes.map((m) => el("option", { value: m, selected: m === s.mode }, m)));
  const act = async (event, done) => {
    event.target.disabled = true;
    fault.textContent = "";
    try { state.sessionNote = await done(); } catch (problem) { fault.textContent = problem.message; event.target.disabled = false; return; }
    document.activeElement?.blur();
    await drawCassette();
  };
  const change = el("button", { type: "button", "aria-label": "Switch the mode of " + name, onclick: (event) => act(event, async () => {
    const now = await (await call(path + "/mode", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ mode: select.value }) })).json();
    return name + " goes on in mode " + now.mode;
  }) }, "Switch");
  const stop = s.name && el("button", { type: "button", "aria-label": "Stop " + name, onblur: (event) => { event.target.textContent = "Stop"; event.target.dataset.sure = ""; }, onclick: (event) => {
    if (!event.target.dataset.sure) {
      event.target.dataset.sure = "yes";
      event.target.textContent = "Really stop";
      event.target.setAttribute("aria-label", "Really stop " + name);
      return;
    }
    act(event, async () => {
      const end = await (await call(path, { method: "DELETE" })).json();
      return name + " was stopped: " + end.verdict;
    });
  } }, "Stop");
  return el("div", { class: "acts" }, select, change, stop || null);
}
