// The console of graphwarden: which view is shown, and the keys.

import { Unauthorized, signIn, takeToken } from "./api.js";
import { $, el, pageSize, state } from "./dom.js";
import { close, open } from "./exchange.js";
import { draw, flush, follow, load, setLive } from "./list.js";
import { drawCassette } from "./sessions.js";
import { drawHealth, drawPolicies, drawStatus } from "./views.js";

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
    if (state.view === "cassette") { if (!state.status) await drawStatus(); await drawCassette(); }
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
